//! What is said of an input that could not be fetched, and what is said in the same words of an answer that did not
//! come.

use retake_core::fault::FaultKind;
use serde_json::{Value as Json, json};

use super::{Subject, subjects};
use crate::{SubmitError, testing::reply};

/// Texts about an input, as providers and relays word them.
const INPUTS: [(u16, &str); 38] = [
    (400, "Failed to fetch the image"),
    (400, "Failed to fetch image"),
    (422, "Failed to fetch image_url: connection reset by peer"),
    (400, "fetch failed for image https://cdn.example.com/a.png"),
    (400, "TypeError: fetch failed (https://cdn.example.com/frame.jpg?sig=1)"),
    // OpenAI.
    (400, "Timeout while downloading https://bucket.s3.amazonaws.com/a.png."),
    (400, "Timeout while downloading 20250503_162129.jpg: image timed out"),
    (
        400,
        "Failed to download image from https://cdn.example.com/a.png. Image size exceeds the limit.",
    ),
    (400, "Error while downloading file. Upstream status code: 407."),
    (400, "Error while downloading file. Upstream status code: 504, gateway timeout."),
    (400, "Error while downloading https://cdn.example.com/v/1: connection closed"),
    // Runway.
    (
        400,
        "Failed to fetch asset. The URL may be incorrect or the server hosting the asset may be down.",
    ),
    (400, "Failed to fetch asset. Received HTTP response code \"504\""),
    (400, "Timeout while fetching asset."),
    (400, "promptImage: timed out"),
    // Vertex AI, and LiteLLM before it.
    (
        400,
        "Cannot fetch content from the provided URL. Please ensure the URL is valid and accessible by Vertex AI",
    ),
    (400, "URL_TIMEOUT: Cannot fetch content from the provided URL, it timed out"),
    (
        400,
        "litellm.ImageFetchError: Error: Unable to fetch image from URL. Status code: 403, url=https://x.example/a.png",
    ),
    (
        400,
        "litellm.BadRequestError: Unable to fetch image from URL, timed out. url=https://x.example/a",
    ),
    // fal.
    (422, "Failed to download the file. Please check if the URL is accessible and try again."),
    (422, "Could not download the image: read ECONNRESET"),
    // Ark and DashScope.
    (400, "The parameter `image_url` specified in the request is not valid: image download failed"),
    (400, "Download the media resource timed out during the data inspection process."),
    (400, "Failed to download multimodal content: connection reset"),
    (400, "Unable to download the media resource, i/o timeout"),
    // new-api and its kin, which fetch the input themselves.
    (
        400,
        "error getting file type: failed to download file from https://x.example/files/a.png?X-Amz-Date=1: Get \
         \"https://x.example/files/a.png?X-Amz-Date=1\": dial tcp 203.0.113.1:443: connect: connection timed out",
    ),
    (400, "get image from url failed: failed to download image: context deadline exceeded"),
    // vLLM, SGLang, Replicate's models.
    (400, "Failed to load image from URL https://x.example/a.webp: Connection timed out"),
    (422, "Could not fetch input_reference: [Errno 104] Connection reset by peer"),
    (422, "Error retrieving the first frame: socket hang up"),
    (400, "Max retries exceeded while downloading the reference image"),
    (400, "fetching the keyframe image: getaddrinfo ENOTFOUND cdn.example.com"),
    (400, "The image URL timed out"),
    (400, "image_url: connection timed out"),
    (400, "The connection was closed by the remote image host while fetching the image"),
    (400, "Failed to download input video: timeout"),
    (400, "Invalid image URL https://cdn.example.com/timeout.png"),
    (400, "The provided url did not answer: request timed out"),
];

/// Texts of an answer that did not come, or of a file that was rendered, in almost the same words.
const NO_ANSWERS: [(u16, &str); 30] = [
    (400, "Failed to fetch"),
    (400, "TypeError: Failed to fetch"),
    (400, "fetch failed"),
    (400, "NetworkError when attempting to fetch resource: network error"),
    (400, "failed to fetch task status: unexpected EOF"),
    (400, "Failed to fetch the result of the image task: timeout"),
    (400, "Failed to fetch upstream: image request timed out"),
    (400, "upstream request timed out while fetching the image"),
    (400, "Failed to download the generated video: connection reset"),
    (400, "failed to download video: timed out"),
    (400, "Failed to fetch the output file: timeout"),
    (400, "image generation timed out"),
    (400, "image-to-video request timed out after 600 s"),
    (400, "generation with reference image timed out"),
    (400, "The reference image was uploaded but the request timed out"),
    (400, "Image uploaded; socket hang up"),
    (400, "HTTPSConnectionPool(host='v', port=443): Max retries exceeded with url: /v1/videos"),
    (400, "failed to fetch, max retries exceeded with url: /v1/videos"),
    (400, "Server disconnected for url 'https://vendor.example.com/v1/videos'"),
    (400, "Get \"https://vendor.example.com/v1/image_to_video\": context deadline exceeded"),
    (400, "Post \"https://vendor.example.com/v1/videos\": EOF, fetch failed"),
    (400, "Failed to fetch https://vendor.example.com/v1/videos"),
    (400, "request to https://vendor.example.com/v1/videos failed, reason: connect ETIMEDOUT"),
    (400, "Failed to fetch the image. The upstream connection timed out."),
    (400, "image accepted, input_reference stored, request timed out"),
    (400, "connection was closed by the peer"),
    (400, "An existing connection was forcibly closed by the remote host"),
    (422, "read ECONNRESET"),
    (400, "net/http: timeout awaiting response headers (file upload complete)"),
    (400, "The operation was aborted due to timeout"),
];

/// A text in the provider's own form, in OpenAI's with the usual type, and alone.
fn bodies(subject: &Subject, text: &str) -> [String; 3] {
    let typed = json!({ "error": { "message": text, "type": "invalid_request_error",
        "param": null, "code": null } });
    [subject.own(text), typed]
        .map(|body| body.to_string())
        .into_iter()
        .chain([text.to_owned()])
        .collect::<Vec<_>>()
        .try_into()
        .unwrap()
}

#[test]
fn an_input_that_could_not_be_fetched_is_a_refusal() {
    for subject in subjects() {
        for (status, text) in INPUTS {
            for body in bodies(&subject, text) {
                let created = subject.create(&reply(status, &[], body.clone()));

                let Err(SubmitError::Refused(fault)) = created else {
                    panic!("{} {status} {body}: {created:?}", subject.name)
                };
                let is_of_account = matches!(fault.kind, FaultKind::Auth | FaultKind::Quota);
                assert!(!is_of_account, "{} {status} {body}: {fault:?}", subject.name);
            }
        }
    }
}

#[test]
fn an_answer_that_did_not_come_is_none_also_where_a_picture_is_spoken_of() {
    for subject in subjects() {
        for (status, text) in NO_ANSWERS {
            for body in bodies(&subject, text) {
                let created = subject.create(&reply(status, &[], body.clone()));

                let is_lost = matches!(created, Err(SubmitError::Lost(_)));
                assert!(is_lost, "{} {status} {body}: {created:?}", subject.name);
            }
        }
    }
}

#[test]
fn a_code_or_a_parameter_tells_that_an_input_is_meant_where_the_text_does_not() {
    let subjects = subjects();
    let relay = subjects.iter().find(|subject| subject.name == "openai/relay").unwrap();
    let error = |code: Json, param: Json| {
        json!({ "error": { "message": "connection timed out", "type": "invalid_request_error",
            "param": param, "code": code } })
    };
    let create = |body: &Json| relay.create(&reply(400, &[], body.to_string()));

    for body in [
        error(json!("invalid_image_url"), json!(null)),
        error(json!("image_download_failed"), json!(null)),
        error(json!("file_download_error"), json!(null)),
        error(json!(null), json!("input_reference")),
        error(json!(null), json!("url")),
    ] {
        assert!(matches!(create(&body), Err(SubmitError::Refused(_))), "{body}");
    }
    for body in [
        error(json!(null), json!(null)),
        error(json!("fail_to_fetch_task"), json!(null)),
        error(json!(null), json!("prompt")),
    ] {
        assert!(matches!(create(&body), Err(SubmitError::Lost(_))), "{body}");
    }
}

#[test]
fn what_the_provider_says_of_the_key_or_the_account_is_a_refusal_whatever_its_words() {
    for subject in subjects() {
        for (_, text) in INPUTS.into_iter().chain(NO_ANSWERS) {
            for status in [401, 402, 403] {
                let body = subject.own(text).to_string();
                let created = subject.create(&reply(status, &[], body));

                let is_refused = matches!(created, Err(SubmitError::Refused(_)));
                assert!(is_refused, "{} {status} {text}: {created:?}", subject.name);
            }
        }
    }
}

#[test]
fn a_request_that_was_had_before_may_be_a_render_under_every_status() {
    for subject in subjects() {
        for status in [400, 402, 403, 409, 422, 429] {
            for text in [
                "This request has already been submitted",
                "Failed to fetch the image: the same request is being processed",
                "We are under high load; your request has been queued",
                "Due to heavy load your video will take up to 20 minutes",
                "The job was accepted and is in the queue",
                "Your job was accepted and will start when a slot is free",
                "A video for this request already exists",
                "Job 77 created, but usage metering said: invalid API key",
                "Rendering has begun. Metering: insufficient balance for another render",
                "The generated video was blocked by moderation",
            ] {
                let created = subject.create(&reply(status, &[], subject.own(text).to_string()));

                let is_lost = matches!(created, Err(SubmitError::Lost(_)));
                assert!(is_lost, "{} {status} {text}: {created:?}", subject.name);
            }
        }
    }
}
