//! Threads that answer calls, each with connections of its own.
//!
//! The threads of one runtime take work off one another: a call then wakes a second thread, which takes it over with its caches cold.
//! Where a call is answered from memory that is a quarter of what it costs. A connection that stays on one thread costs
//! none of it, and what the process does beside its calls has other threads.

use std::io;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The threads of a server, which end when it is dropped.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    last: usize,
}

struct Lane {
    handle: Handle,
    _open: DropGuard,
}

impl Lanes {
    /// So many threads; none are the runtime that this is called in.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(threads: usize) -> io::Result<Self> {
        let lanes = (0..threads).map(Lane::open).collect::<io::Result<_>>()?;
        Ok(Self { lanes, last: 0 })
    }

    /// Serves a connection on the next thread, among those that are open.
    pub fn spawn<F>(
        &mut self,
        connections: &mut JoinSet<()>,
        socket: TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        self.last += 1;
        let Some(lane) = self.lanes.get(self.last % self.lanes.len().max(1)) else {
            connections.spawn(serve(socket));
            return;
        };
        // Who waits for a socket is told by the runtime that it was made in.
        let socket = socket.into_std();
        let served = async move {
            match socket.and_then(TcpStream::from_std) {
                Ok(socket) => serve(socket).await,
                Err(error) => tracing::warn!(%error, "a connection could not be taken"),
            }
        };
        connections.spawn_on(served, &lane.handle);
    }
}

impl Lane {
    fn open(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, open) = (runtime.handle().clone(), CancellationToken::new());
        let closed = open.clone();
        std::thread::Builder::new()
            .name(format!("calls-{number}"))
            .spawn(move || runtime.block_on(closed.cancelled()))?;
        Ok(Self { handle, _open: open.drop_guard() })
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// The threads that so many connections, made one after the other, were served by.
    async fn served_by(lanes: &mut Lanes, connections: usize) -> io::Result<Vec<String>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (mut open, mut names) = (JoinSet::new(), Vec::new());
        for _ in 0..connections {
            let mut client = TcpStream::connect(listener.local_addr()?).await?;
            let (socket, _) = listener.accept().await?;
            lanes.spawn(&mut open, socket, |mut socket| async move {
                let thread = std::thread::current();
                let name = thread.name().unwrap_or_default().as_bytes();
                socket.write_all(name).await.expect("the client reads");
            });
            let mut name = String::new();
            client.read_to_string(&mut name).await?;
            names.push(name);
        }
        assert_eq!(open.join_all().await.len(), connections);
        Ok(names)
    }

    #[tokio::test]
    async fn connections_are_spread_over_the_threads() -> io::Result<()> {
        let mut lanes = Lanes::open(2)?;
        let mut names = served_by(&mut lanes, 4).await?;
        names.sort_unstable();
        assert_eq!(names, ["calls-0", "calls-0", "calls-1", "calls-1"]);
        Ok(())
    }

    #[tokio::test]
    async fn without_threads_of_their_own_they_are_served_here() -> io::Result<()> {
        let here = std::thread::current().name().map(str::to_owned);
        let names = served_by(&mut Lanes::open(0)?, 2).await?;
        assert!(names.iter().all(|name| Some(name) == here.as_ref()), "{names:?}");
        Ok(())
    }
}
