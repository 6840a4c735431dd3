//! One plain HTTP request: to an address on a container network, or from inside the container
//! where this machine has no way to that network.

use std::time::Duration;

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, header};
use hyper_util::rt::TokioIo;

use super::{HostError, HttpAnswer};

/// A health endpoint that takes longer is not healthy.
const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const LARGEST: usize = 1 << 20;

/// How long an address may take to accept a connection before it counts as out of reach.
const REACH: Duration = Duration::from_secs(3);

/// Asks with whatever the image has; prints the body, then the status on a line of its own.
pub(super) const ASK_INSIDE: &str = r#"
if command -v curl >/dev/null; then exec curl -s -m 10 -w '\n%{http_code}' "$1"; fi
if command -v python3 >/dev/null; then exec python3 -c '
import sys, urllib.error, urllib.request
try: answer = urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as error: answer = error
print(answer.read().decode() + "\n" + str(answer.status))' "$1"; fi
if command -v wget >/dev/null; then wget -q -T 10 -O - "$1" && printf '\n200' && exit; fi
echo 'no curl, python3 or wget could ask' >&2; exit 1"#;

/// What [`ASK_INSIDE`] has printed.
pub(super) fn answered_inside(text: &str) -> Result<HttpAnswer, HostError> {
    let (body, status) = text
        .trim_end()
        .rsplit_once('\n')
        .unwrap_or(("", text.trim_end()));
    match status.parse() {
        Ok(status) => Ok(HttpAnswer {
            status,
            body: body.to_owned(),
        }),
        Err(_) => Err(HostError::Unexpected(
            "cannot understand the answer from inside the container".to_owned(),
        )),
    }
}

/// Whether something accepts connections there. A refusal is an answer too: the way is open.
pub(super) async fn is_reachable(address: &str, port: u16) -> bool {
    let connect = tokio::net::TcpStream::connect((address, port));
    match tokio::time::timeout(REACH, connect).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Err(_) => false,
    }
}

/// GETs `path`.
pub async fn get(address: &str, port: u16, path: &str) -> Result<HttpAnswer, HostError> {
    let failed = |why: String| {
        HostError::Unexpected(format!("cannot ask http://{address}:{port}{path}: {why}"))
    };
    let ask = async {
        let stream = tokio::net::TcpStream::connect((address, port))
            .await
            .map_err(|error| error.to_string())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let request = Request::get(path)
            .header(header::HOST, format!("{address}:{port}"))
            .body(Empty::<Bytes>::new())
            .map_err(|error| error.to_string())?;
        let answer = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(|e| e.to_string())?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), LARGEST)
                .collect()
                .await
                .map_err(|error| error.to_string())?;
            Ok::<_, String>(HttpAnswer {
                status,
                body: String::from_utf8_lossy(&body.to_bytes()).into_owned(),
            })
        };
        tokio::select! {
            answer = answer => answer,
            // The connection's own end is seen by the request on it.
            Err(error) = connection => Err(error.to_string()),
        }
    };
    match tokio::time::timeout(LIMIT, ask).await {
        Ok(answer) => answer.map_err(failed),
        Err(_) => Err(failed(format!("no answer within {} s", LIMIT.as_secs()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_and_body_come_apart() {
        let answer = |text| answered_inside(text).ok().map(|a| (a.status, a.body));
        assert_eq!(answer("a\nb\n503"), Some((503, "a\nb".to_owned())));
        assert_eq!(answer("\n200\n"), Some((200, String::new())));
        assert_eq!(answer("nonsense"), None);
    }
}
