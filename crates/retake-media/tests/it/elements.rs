//! Builds WebM files element by element.

pub(crate) const EBML: &[u8] = &[0x1A, 0x45, 0xDF, 0xA3];
const SEGMENT: &[u8] = &[0x18, 0x53, 0x80, 0x67];
const CLUSTER: &[u8] = &[0x1F, 0x43, 0xB6, 0x75];
/// The length of an element whose length is left open.
const OPEN: [u8; 8] = [1, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

/// A film of a second: 24 frames in two clusters, with sound.
#[derive(Clone, Copy)]
pub(crate) struct Webm {
    /// Whether segment and clusters leave their length open, as live encoders do.
    pub(crate) live: bool,
    /// Milliseconds that the header states.
    pub(crate) stated: Option<f64>,
}

pub(crate) const A_WEBM: Webm = Webm { live: false, stated: Some(1000.0) };

pub(crate) fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    let len = (body.len() as u64 | 1 << 56).to_be_bytes();
    [id, &len, body].concat()
}

fn open(id: &[u8], body: &[u8]) -> Vec<u8> {
    [id, &OPEN, body].concat()
}

impl Webm {
    pub(crate) fn file(self) -> Vec<u8> {
        let ebml = element(EBML, &element(&[0x42, 0x82], b"webm"));
        let duration = self.stated.map(|ms| element(&[0x44, 0x89], &ms.to_be_bytes()));
        let info =
            [element(&[0x2A, 0xD7, 0xB1], &[0x0F, 0x42, 0x40]), duration.unwrap_or_default()];
        let info = element(&[0x15, 0x49, 0xA9, 0x66], &info.concat());
        let size = [element(&[0xB0], &[5, 0]), element(&[0xBA], &[2, 0xD0])].concat();
        let picture = [
            element(&[0xD7], &[1]),
            element(&[0x83], &[1]),
            element(&[0x86], b"V_VP9"),
            element(&[0x23, 0xE3, 0x83], &41_666_667_u32.to_be_bytes()),
            element(&[0xE0], &size),
        ];
        let tone = [element(&[0xB5], &48_000_f64.to_be_bytes()), element(&[0x9F], &[2])].concat();
        let sound = [
            element(&[0xD7], &[2]),
            element(&[0x83], &[2]),
            element(&[0x86], b"A_OPUS"),
            element(&[0xE1], &tone),
        ];
        let tracks = [element(&[0xAE], &picture.concat()), element(&[0xAE], &sound.concat())];
        let tracks = element(&[0x16, 0x54, 0xAE, 0x6B], &tracks.concat());
        let clusters = [self.cluster(0), self.cluster(500)].concat();
        let segment = [info, tracks, clusters].concat();
        [ebml, if self.live { open(SEGMENT, &segment) } else { element(SEGMENT, &segment) }]
            .concat()
    }

    /// Half a second from a moment on.
    fn cluster(self, from: u16) -> Vec<u8> {
        let mut body = element(&[0xE7], &from.to_be_bytes());
        for number in 0..12_u8 {
            let time = (u16::from(number) * 1000 / 24).to_be_bytes();
            let block = [&[0x81], &time[..], &[0x80], &[number; 300]].concat();
            body.extend(element(&[0xA3], &block));
            let block = [&[0x82], &time[..], &[0], &[number; 40]].concat();
            body.extend(element(&[0xA0], &element(&[0xA1], &block)));
        }
        if self.live { open(CLUSTER, &body) } else { element(CLUSTER, &body) }
    }
}
