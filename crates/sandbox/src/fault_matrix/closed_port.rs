//! A port that is closed, from the start or after so many connections.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Passes its first connections on, and then nothing listens any more. It keeps the port until it is dropped, so that nobody
/// else answers there.
#[derive(Debug)]
pub(super) struct ClosedPort {
    address: SocketAddr,
    keeper: JoinHandle<()>,
}

impl ClosedPort {
    /// Passes `open_for` connections on to `upstream`, `127.0.0.1:PORT`.
    pub(super) async fn start(upstream: String, open_for: usize) -> io::Result<Self> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        if open_for == 0 {
            let held = held(any)?;
            let address = held.local_addr()?;
            let keeper = tokio::spawn(async move {
                let _held = held;
                std::future::pending().await
            });
            return Ok(Self { address, keeper });
        }
        let listener = TcpListener::bind(any).await?;
        let address = listener.local_addr()?;
        let keeper = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for _ in 0..open_for {
                let Ok((stream, _)) = listener.accept().await else { break };
                connections.spawn(pass_on(stream, upstream.clone()));
            }
            drop(listener);
            let _held = held(address);
            while connections.join_next().await.is_some() {}
            std::future::pending().await
        });
        Ok(Self { address, keeper })
    }

    /// `127.0.0.1:PORT`.
    pub(super) fn authority(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for ClosedPort {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// A socket that has an address and does not listen: whoever knocks is refused.
fn held(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn pass_on(mut stream: TcpStream, upstream: String) {
    if let Ok(mut other) = TcpStream::connect(upstream).await {
        // Either side may go first; what was sent has arrived then.
        let _ = copy_bidirectional(&mut stream, &mut other).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn it_is_open_for_so_many_connections() {
        let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for open_for in 0..3 {
            let port = ClosedPort::start(upstream.local_addr().unwrap().to_string(), open_for).await.unwrap();
            for _ in 0..open_for {
                let mut client = TcpStream::connect(port.authority()).await.unwrap();
                let (mut server, _) = upstream.accept().await.unwrap();
                server.write_all(b"hello").await.unwrap();
                drop(server);
                let mut text = String::new();
                client.read_to_string(&mut text).await.unwrap();
                assert_eq!(text, "hello");
            }
            let error = TcpStream::connect(port.authority()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
        }
    }
}
