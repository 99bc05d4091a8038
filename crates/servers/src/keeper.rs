//! The thread that starts the servers. Linux ends a child when the *thread* that started it ends, if the
//! child asked to die with its parent; so all are started by one thread that lives as long as they should.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

type Request = (Command, Sender<io::Result<Child>>);

#[derive(Debug)]
pub(crate) struct Keeper {
    requests: Option<Sender<Request>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(crate) fn start() -> io::Result<Self> {
        let (requests, inbox) = channel::<Request>();
        let thread = thread::Builder::new().name("servers".to_owned()).spawn(move || {
            while let Ok((mut command, answer)) = inbox.recv() {
                // Whoever asked waits for the answer; if it is gone, so is the need for it.
                drop(answer.send(command.spawn()));
            }
        })?;
        Ok(Self { requests: Some(requests), thread: Some(thread) })
    }

    pub(crate) fn spawn(&self, command: Command) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts servers has ended");
        let (answer, child) = channel();
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send((command, answer)).map_err(|_| gone())?;
        child.recv().map_err(|_| gone())?
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
