use axum::extract::Request;
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::RequestId;
use crate::event::hex;
use crate::telemetry::Correlation;

/// Ties all records of one request together, by the host's own id or a random one. Not by the trace: several requests may
/// belong to one, and each is an event of its own.
pub(super) async fn correlate(request: Request, next: Next) -> Response {
    let trace = trace_id(request.headers());
    let id = match request.extensions().get::<RequestId>() {
        Some(RequestId(id)) => id.clone(),
        None => random(),
    };
    Correlation { id, trace }.scope(next.run(request)).await
}

/// The trace's id: of `traceparent` (W3C Trace Context), or of Google's older header.
pub fn trace_id(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let w3c = text("traceparent").and_then(|value| value.split('-').nth(1));
    let google = || text("x-cloud-trace-context").and_then(|value| value.split('/').next());
    let is_id = |id: &&str| id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit());
    w3c.filter(is_id).or_else(|| google().filter(is_id)).map(str::to_owned)
}

fn random() -> String {
    let mut bytes = [0; 16];
    // Without randomness the id is all zeros, which is no reason to fail a request.
    let _ = SystemRandom::new().fill(&mut bytes);
    hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_read_from_either_header() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let headers = |name: &'static str, value: String| {
            HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
        };
        assert_eq!(
            trace_id(&headers("traceparent", format!("00-{id}-00f067aa0ba902b7-01"))).as_deref(),
            Some(id)
        );
        assert_eq!(trace_id(&headers("x-cloud-trace-context", format!("{id}/1;o=1"))).as_deref(), Some(id));
        for bad in ["", "00", "00-xyz-1-1", "x/y"] {
            assert_eq!(trace_id(&headers("traceparent", bad.into())), None, "{bad}");
        }
    }
}
