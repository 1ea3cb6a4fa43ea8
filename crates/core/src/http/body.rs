//! The body of a request: bounded, and read to its end even when nobody wants it.

use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::event::MAX_BODY;
use crate::failure::Failure;

/// How much is read of a body that nobody wants, in bytes: what Cloud Run lets through.
const MAX_UNWANTED: usize = 32 * 1024 * 1024;

/// How long that may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The body of a request, not yet read.
///
/// When it is dropped, what is left of it is read and thrown away, within reason: a connection that is closed with
/// something unread is reset, and whoever was still sending would not hear why.
#[derive(Debug)]
pub struct RequestBody(Body);

impl RequestBody {
    /// All of it, at most [`MAX_BODY`] bytes.
    ///
    /// # Errors
    /// Too large, by its announcement or when it turns out to be; Invalid when it breaks off.
    pub async fn read(mut self, headers: &HeaderMap) -> Result<Bytes, Failure> {
        let too_large = || Failure::too_large(format!("the body is larger than {MAX_BODY} bytes"));
        let announced =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > MAX_BODY) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(frame) = self.0.frame().await {
            let frame = frame.map_err(|_| Failure::invalid("the body broke off before its end"))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len() + data.len() > MAX_BODY {
                return Err(too_large());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes.into())
    }
}

impl From<Body> for RequestBody {
    fn from(body: Body) -> Self {
        Self(body)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let rest = std::mem::take(&mut self.0);
        if !rest.is_end_stream()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(timeout(PATIENCE, discard(rest)));
        }
    }
}

async fn discard(mut body: Body) {
    let mut length = 0;
    while let Some(Ok(frame)) = body.frame().await {
        length += frame.data_ref().map_or(0, Bytes::len);
        if length > MAX_UNWANTED {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;

    use super::*;

    fn chunks(count: usize) -> RequestBody {
        let chunk = || Ok::<_, Infallible>(Bytes::from(vec![b' '; 1024 * 1024]));
        Body::from_stream(stream::iter((0..count).map(move |_| chunk()))).into()
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        let none = HeaderMap::new();
        assert_eq!(chunks(6).read(&none).await.unwrap().len(), MAX_BODY);
        assert_eq!(chunks(7).read(&none).await.unwrap_err().class.status(), 413);
        let announced = HeaderMap::from_iter([(header::CONTENT_LENGTH, (MAX_BODY + 1).into())]);
        assert_eq!(chunks(0).read(&announced).await.unwrap_err().class.status(), 413);
    }

    #[tokio::test]
    async fn what_breaks_off_is_invalid() {
        let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err(std::io::Error::other("gone"))]);
        let failure = RequestBody::from(Body::from_stream(broken)).read(&HeaderMap::new()).await.unwrap_err();
        assert!(failure.message.contains("broke off"), "{failure}");
    }

    #[tokio::test]
    async fn a_body_that_nobody_wants_is_read_to_its_end() {
        let (sent, mut received) = tokio::sync::mpsc::channel(1);
        let body = stream::unfold((sent, 3), async |(sent, left)| {
            sent.send(left).await.ok()?;
            (left > 0).then(|| (Ok::<_, Infallible>(Bytes::from_static(b"x")), (sent, left - 1)))
        });
        drop(RequestBody::from(Body::from_stream(Box::pin(body))));
        for left in [3, 2, 1, 0] {
            assert_eq!(received.recv().await, Some(left));
        }
    }
}
