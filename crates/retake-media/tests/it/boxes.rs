//! Builds MP4 files box by box, the hostile ones among them.

pub(crate) fn a_box(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(body.len() + 8).unwrap().to_be_bytes();
    [&len[..], &kind, body].concat()
}

pub(crate) fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

/// A box of version 0 without flags.
pub(crate) fn full_box(kind: [u8; 4], body: &[u8]) -> Vec<u8> {
    a_box(kind, &[&[0; 4], body].concat())
}

/// A file of one fragment with many runs, none of which brings a row for its samples.
#[derive(Clone, Copy)]
pub(crate) struct Fragmented {
    pub(crate) tracks: u32,
    /// The number of the track that all runs belong to.
    pub(crate) track_of_runs: u32,
    pub(crate) runs: usize,
    /// Samples of each run, and bytes of each sample.
    pub(crate) samples: u32,
    pub(crate) size: u32,
}

impl Fragmented {
    pub(crate) fn file(self) -> Vec<u8> {
        let none = full_box(*b"stts", &words(&[0]));
        let none = [none, full_box(*b"stsz", &words(&[0, 0]))].concat();
        let none =
            [none, full_box(*b"stsc", &words(&[0])), full_box(*b"stco", &words(&[0]))].concat();
        self.with_tables(&none)
    }

    /// The file with other sample tables in each of its tracks.
    pub(crate) fn with_tables(self, tables: &[u8]) -> Vec<u8> {
        let traks: Vec<u8> = (1..=self.tracks).flat_map(|id| trak(id, tables)).collect();
        let trex = |id| full_box(*b"trex", &words(&[id, 1, 1, self.size, 0]));
        let mvex = a_box(*b"mvex", &(1..=self.tracks).flat_map(trex).collect::<Vec<_>>());
        let mvhd = full_box(*b"mvhd", &[words(&[0, 0, 1000, 0]), vec![0; 80]].concat());
        let moov = a_box(*b"moov", &[mvhd, traks, mvex].concat());
        // The data of each run follows that of the one before.
        let run = full_box(*b"trun", &words(&[self.samples]));
        let tfhd = full_box(*b"tfhd", &words(&[self.track_of_runs]));
        let traf = a_box(*b"traf", &[tfhd, run.repeat(self.runs)].concat());
        let moof = a_box(*b"moof", &[full_box(*b"mfhd", &words(&[1])), traf].concat());
        [a_box(*b"ftyp", b"isom"), moov, moof, a_box(*b"mdat", &[0; 16])].concat()
    }
}

/// A file with a fragment for each picture.
#[derive(Clone, Copy)]
pub(crate) struct Streamed {
    pub(crate) fragments: u32,
    pub(crate) bytes_of_a_sample: u32,
}

impl Streamed {
    pub(crate) fn file(self) -> Vec<u8> {
        let head = Fragmented { tracks: 1, track_of_runs: 1, runs: 0, samples: 0, size: 1 }.file();
        let end = head.windows(4).position(|kind| kind == b"moof").unwrap() - 4;
        let mut file = head[..end].to_vec();
        for number in 0..self.fragments {
            // The data begins behind the fragment and the header of its box.
            let offset = |offset| {
                let trun = words(&[0x0201, 1, offset, self.bytes_of_a_sample]);
                let tfhd = a_box(*b"tfhd", &words(&[0x02_0000, 1]));
                let tfdt = full_box(*b"tfdt", &words(&[number]));
                let traf = a_box(*b"traf", &[tfhd, tfdt, a_box(*b"trun", &trun)].concat());
                a_box(*b"moof", &[full_box(*b"mfhd", &words(&[number + 1])), traf].concat())
            };
            let len = u32::try_from(offset(0).len()).unwrap();
            file.extend(offset(len + 8));
            file.extend(a_box(*b"mdat", &vec![7; self.bytes_of_a_sample as usize]));
        }
        file
    }
}

fn trak(id: u32, tables: &[u8]) -> Vec<u8> {
    let tkhd = full_box(*b"tkhd", &[words(&[0, 0, id, 0, 0]), vec![0; 60]].concat());
    let mdhd = full_box(*b"mdhd", &words(&[0, 0, 1000, 0, 0]));
    let hdlr = full_box(*b"hdlr", &[words(&[0]), b"vide".to_vec(), vec![0; 13]].concat());
    let mut entry = vec![0; 78];
    entry[24..28].copy_from_slice(&[0, 64, 0, 48]);
    let avc1 = a_box(*b"avc1", &[entry, a_box(*b"avcC", &[1, 100, 0, 31, 0xFF, 0xE0, 0])].concat());
    let stsd = full_box(*b"stsd", &[words(&[1]), avc1].concat());
    let stbl = a_box(*b"stbl", &[&stsd, tables].concat());
    let mdia = a_box(*b"mdia", &[mdhd, hdlr, a_box(*b"minf", &stbl)].concat());
    a_box(*b"trak", &[tkhd, mdia].concat())
}
