//! Threads that answer calls, each with connections of its own.
//!
//! The threads of one runtime take work off one another: a call then wakes a second thread, which takes it over with its caches cold.
//! Where a call is answered from memory that is a quarter of what it costs. A connection that stays on one thread costs
//! none of it, and what the process does beside its calls has other threads.
//!
//! Where there is one for each processor, each keeps to its own: a kernel that has little idle time to give puts two of them on one
//! processor for milliseconds, and the calls of both wait. Fewer of them are placed by the kernel, which knows who else is there.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The threads of a server, which end when it is dropped.
pub(super) struct Lanes {
    lanes: Vec<Lane>,
    last: usize,
}

/// The thread that asks.
const THIS: Pid = Pid::from_raw(0);

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
        let places = processors().filter(|processors| processors.len() == threads);
        let place = |number| places.as_ref().and_then(|places| places.get(number)).copied();
        let lanes = (0..threads).map(|number| Lane::open(number, place(number)));
        let lanes = lanes.collect::<io::Result<_>>()?;
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
    fn open(number: usize, processor: Option<CpuSet>) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (handle, open) = (runtime.handle().clone(), CancellationToken::new());
        let closed = open.clone();
        std::thread::Builder::new().name(format!("calls-{number}")).spawn(move || {
            let placed = processor.map(|processor| sched_setaffinity(THIS, &processor));
            if let Some(Err(error)) = placed {
                tracing::debug!(number, %error, "the kernel chooses the processor");
            }
            runtime.block_on(closed.cancelled());
        })?;
        Ok(Self { handle, _open: open.drop_guard() })
    }
}

/// Those that this process may use, each by itself; None where the kernel does not say.
fn processors() -> Option<Vec<CpuSet>> {
    let all = sched_getaffinity(THIS).ok()?;
    let used = (0..CpuSet::count()).filter(|number| all.is_set(*number).unwrap_or(false));
    let alone = |number| {
        let mut one = CpuSet::new();
        one.set(number).ok().map(|()| one)
    };
    used.map(alone).collect()
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

    /// The processors that each lane may use.
    fn places(threads: usize) -> io::Result<Vec<usize>> {
        let lanes = Lanes::open(threads)?;
        let looked = lanes.lanes.iter().map(|lane| {
            let (told, place) = std::sync::mpsc::channel();
            drop(lane.handle.spawn(async move { told.send(sched_getaffinity(THIS)) }));
            let place = place.recv().expect("the lane runs")?;
            let is_used = |number: &usize| place.is_set(*number).unwrap_or(false);
            Ok((0..CpuSet::count()).filter(is_used).count())
        });
        looked.collect()
    }

    #[test]
    fn one_for_each_processor_keeps_to_its_own_and_fewer_are_placed_by_the_kernel() -> io::Result<()>
    {
        let all = processors().expect("the kernel says").len();
        assert_eq!(places(all)?, vec![1; all]);
        assert_eq!(places(all + 1)?, vec![all; all + 1]);
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
