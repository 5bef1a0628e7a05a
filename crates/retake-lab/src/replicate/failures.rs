//! The errors of failed predictions: free text, mostly with a code in parentheses.
//!
//! Codes and causes are those of the provider page of 2026-11-21; the texts are the lab's own,
//! except where they are documented.

use crate::{fault::Cause, simulator::Failure};

/// The name of the failure without a text: the deadline passed before the start.
pub(super) const ABORTED: &str = "aborted";

/// The `error` of a failed prediction; `None` for one that was aborted.
pub(super) fn error_text(failure: &Failure) -> Option<&'static str> {
    if failure.is_generic {
        return Some("Prediction failed for an unknown reason. It might help to retry.");
    }
    let shape = match failure.shape.as_deref() {
        Some("input" | "output") => "E005",
        _ => failure.pick(shapes(failure.cause)),
    };
    text_by_shape(shape)
}

/// The names of the shapes that a cause may take.
fn shapes(cause: Cause) -> &'static [&'static str] {
    match cause {
        Cause::RuntimeError => &["E1000", "E8765", "E9828", "PA"],
        Cause::ContentModeration => &["E005", "nsfw", "flagged"],
        Cause::Capacity => &["E003", "E004", ABORTED],
        Cause::InvalidRequest => &["E006", "E1001", "E9243", "E4875"],
        Cause::DependencyTimeout => &["E9825", "upstream_timeout"],
        Cause::Account => &["upstream_credit"],
    }
}

fn text_by_shape(shape: &str) -> Option<&'static str> {
    Some(match shape {
        ABORTED => return None,
        "E1001" => "The model ran out of memory. Try a smaller input. (E1001)",
        "E4875" => "A webhook URL was expected but is empty. (E4875)",
        "E8765" => "The model failed its health check. (E8765)",
        "E9243" => "The prediction could not be started. (E9243)",
        "E9825" => "A file could not be uploaded. (E9825)",
        "E9828" => "Director: unexpected error handling prediction (E9828)",
        "PA" => "Prediction interrupted; please retry (code: PA)",
        "E003" => {
            "The service is currently unavailable due to high demand. Please try again \
                   later. (E003)"
        }
        "E004" => "The service is temporarily unavailable. Please try again later. (E004)",
        "E005" => {
            "The input or output was flagged as sensitive. Please try again with different \
                   inputs. (E005)"
        }
        "E006" => "The input was invalid. Please check your inputs and try again. (E006)",
        "nsfw" => "NSFW content detected. Try running it again, or try a different prompt.",
        "flagged" => "Generation was blocked: the request was flagged by the provider's filter.",
        "upstream_timeout" => "The upstream provider did not answer: Read timed out.",
        "upstream_credit" => "The upstream provider refused the request: insufficient balance.",
        _ => "An unexpected error occurred. (E1000)",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_in_its_own_text() {
        for cause in Cause::ALL {
            for shape in shapes(cause).iter().filter(|it| it.starts_with('E')) {
                assert!(text_by_shape(shape).unwrap().ends_with(&format!("({shape})")), "{shape}");
            }
        }
        assert_eq!(text_by_shape(ABORTED), None);
    }
}
