//! A proxy before Postgres that cuts a connection at the moment of a COMMIT.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The message of a simple query `COMMIT`.
const COMMIT: &[u8] = b"Q\x00\x00\x00\x0bCOMMIT\x00";
/// What is remembered of a transaction; only one that is longer, and names the marker in its first
/// part alone, is not recognized.
const SAID_MAX: usize = 128 * 1024;

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The COMMIT never arrives.
    Before,
    /// The COMMIT is carried out, its answer does not come back.
    After,
}

/// What is to happen, once.
#[derive(Debug)]
struct Order {
    /// What the transaction must have said.
    marker: Vec<u8>,
    cut: Cut,
    then_close: bool,
}

#[derive(Debug, Clone)]
struct Shared {
    order: Arc<Mutex<Option<Order>>>,
    /// While true, connections end and new ones are refused.
    closed: Arc<watch::Sender<bool>>,
    cuts: Arc<watch::Sender<usize>>,
}

/// A running proxy.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    shared: Shared,
    accepting: AbortHandle,
}

impl Proxy {
    /// Listens on a free port of the loopback address, for connections to `target` there.
    pub async fn start(target: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Shared {
            order: Arc::default(),
            closed: Arc::new(watch::channel(false).0),
            cuts: Arc::new(watch::channel(0).0),
        };
        let mine = shared.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if !*mine.closed.borrow() {
                    tokio::spawn(mine.clone().connection(client, target));
                }
            }
        });
        Self { port, shared, accepting: accepting.abort_handle() }
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Cuts, once, the next connection at the COMMIT of a transaction that mentions `marker`. With
    /// `then_close`, all connections end with it and new ones fail, until [`Proxy::open`].
    pub fn arm(&self, marker: &str, cut: Cut, then_close: bool) {
        let order = Order { marker: marker.as_bytes().to_vec(), cut, then_close };
        *self.shared.order.lock().unwrap_or_else(PoisonError::into_inner) = Some(order);
    }

    /// Lets connections through again.
    pub fn open(&self) {
        self.shared.closed.send_replace(false);
    }

    /// How many connections were cut so far.
    #[must_use]
    pub fn cuts(&self) -> usize {
        *self.shared.cuts.borrow()
    }

    /// Waits until this many connections were cut in all.
    pub async fn reached(&self, cuts: usize) {
        let mut seen = self.shared.cuts.subscribe();
        seen.wait_for(|seen| *seen >= cuts).await.expect("a proxy that runs");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    async fn connection(self, mut client: TcpStream, target: u16) {
        let Ok(mut server) = TcpStream::connect(("127.0.0.1", target)).await else { return };
        let mut closed = self.closed.subscribe();
        let cut = tokio::select! {
            cut = self.forward(&mut client, &mut server) => cut,
            // All that the client hears is the end.
            _ = closed.wait_for(|closed| *closed) => None,
        };
        let Some(order) = cut else { return };
        // What was sent is carried out before the server sees the end; only then the client does.
        drop(server.shutdown().await);
        drop(tokio::io::copy(&mut server, &mut tokio::io::sink()).await);
        if order.then_close {
            self.closed.send_replace(true);
        }
        self.cuts.send_modify(|cuts| *cuts = cuts.saturating_add(1));
    }

    /// Forwards both ways until either side ends, or an order says to cut.
    async fn forward(&self, client: &mut TcpStream, server: &mut TcpStream) -> Option<Order> {
        let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        // What the transaction at hand said so far.
        let mut said: Vec<u8> = Vec::new();
        loop {
            tokio::select! {
                count = client.read(&mut asked) => {
                    let piece = asked.get(..count.ok().filter(|count| *count > 0)?)?;
                    said.extend_from_slice(piece);
                    if contains(&said, COMMIT) {
                        let order = self.order_for(&said);
                        if order.as_ref().is_none_or(|order| order.cut == Cut::After) {
                            server.write_all(piece).await.ok()?;
                        }
                        if order.is_some() {
                            return order;
                        }
                        said.clear();
                    } else {
                        server.write_all(piece).await.ok()?;
                        said.drain(..said.len().saturating_sub(SAID_MAX));
                    }
                }
                count = server.read(&mut answered) => {
                    let piece = answered.get(..count.ok().filter(|count| *count > 0)?)?;
                    client.write_all(piece).await.ok()?;
                }
            }
        }
    }

    fn order_for(&self, said: &[u8]) -> Option<Order> {
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.take_if(|order| contains(said, &order.marker))
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}
