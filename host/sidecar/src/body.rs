//! Bodies of requests, within bounds on size, time and what all of them hold together.

use std::{sync::Arc, time::Duration};

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::{
    HeaderMap, StatusCode,
    body::{Body, Bytes, Incoming},
    header,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::answer::{Answer, busy, failure};

/// Room for bodies is counted in pieces of so many bytes.
const PIECE: usize = 1 << 10;

/// For a caller whose body is too large to finish sending.
const HEAR_OUT: Duration = Duration::from_secs(1);

/// Room for the bodies of all requests together.
#[derive(Debug, Clone)]
pub struct Room(Arc<Semaphore>);

/// A body, and the room that it takes until this is dropped.
#[derive(Debug)]
pub struct Held {
    pub text: Bytes,
    _room: OwnedSemaphorePermit,
}

impl Room {
    pub fn of(bytes: usize) -> Room {
        Room(Arc::new(Semaphore::new((bytes / PIECE).min(Semaphore::MAX_PERMITS))))
    }

    /// Reads a JSON body of at most `most` bytes.
    pub async fn read(
        &self,
        headers: &HeaderMap,
        mut body: Incoming,
        most: usize,
        within: Duration,
    ) -> Result<Held, Box<Answer>> {
        check_type(headers)?;
        let too_large = || {
            let message = format!("the body is larger than {most} bytes, which is the limit here");
            Box::new(failure(StatusCode::PAYLOAD_TOO_LARGE, &message))
        };
        // Without a length it may come to be as large as allowed.
        let expected = body.size_hint().exact().and_then(|length| usize::try_from(length).ok()).unwrap_or(most);
        if expected > most {
            // Who asks before sending does not send.
            if !headers.contains_key(header::EXPECT) {
                hear_out(&mut body, most).await;
            }
            return Err(too_large());
        }
        let pieces = u32::try_from(expected.div_ceil(PIECE)).unwrap_or(u32::MAX);
        let Ok(room) = self.0.clone().try_acquire_many_owned(pieces) else {
            return Err(Box::new(busy("the bodies of other requests take all room")));
        };
        match timeout(within, Limited::new(&mut body, most).collect()).await {
            Ok(Ok(body)) => Ok(Held { text: body.to_bytes(), _room: room }),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                hear_out(&mut body, most).await;
                Err(too_large())
            }
            Ok(Err(error)) => {
                Err(Box::new(failure(StatusCode::BAD_REQUEST, &format!("the body cannot be read: {error}"))))
            }
            Err(_) => {
                let message = format!("the body was not there within {} s", within.as_secs());
                Err(Box::new(failure(StatusCode::REQUEST_TIMEOUT, &message)))
            }
        }
    }
}

/// A caller that is still sending when the connection closes never reads why: a while longer what it sends is thrown away, as much
/// again as it might have sent.
async fn hear_out(body: &mut Incoming, most: usize) {
    let rest = async {
        let mut heard = 0;
        while heard <= most
            && let Some(Ok(frame)) = body.frame().await
        {
            heard += frame.data_ref().map_or(0, Bytes::len);
        }
    };
    // Cut short it has served its purpose, or never would.
    let _ = timeout(HEAR_OUT, rest).await;
}

fn check_type(headers: &HeaderMap) -> Result<(), Box<Answer>> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let media = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if media.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let message = format!("`{media}` is not taken; hint: send `Content-Type: application/json`");
    Err(Box::new(failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, &message)))
}
