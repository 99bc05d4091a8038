//! A real mail server, in a process of its own, which may be killed and come back with the mails that it has.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::python_with;

const SERVER: &str = include_str!("mailbox.py");

/// The server and the file that it writes.
pub struct Mailbox {
    python: PathBuf,
    port: u16,
    script: PathBuf,
    file: PathBuf,
    child: Option<Child>,
}

impl Mailbox {
    /// Starts one at a free port. Its Python is made once, in `folder`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(folder: &Path) -> Self {
        let python =
            python_with(&folder.join("mail-python"), "aiosmtpd.controller", &["aiosmtpd==1.4.6"]);
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port on 127.0.0.1");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let name = format!("mailbox-{}-{port}", std::process::id());
        let script = folder.join(format!("{name}.py"));
        std::fs::write(&script, SERVER).expect("a writable folder");
        let file = folder.join(format!("{name}.jsonl"));
        let mut mailbox = Self { python, port, script, file, child: None };
        mailbox.start_again();
        mailbox
    }

    /// Starts it again, with the mails that it has.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&mut self) {
        let mut command = Command::new(&self.python);
        command.arg(&self.script).arg(self.port.to_string()).arg(&self.file);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the mail server starts");
        let mut said = String::new();
        let stdout = child.stdout.take().expect("what it says");
        BufReader::new(stdout).read_line(&mut said).expect("what it says");
        assert_eq!(said.trim(), "ready", "the mail server starts");
        self.child = Some(child);
    }

    /// Kills it.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _gone = child.kill();
            let _ended = child.wait();
        }
    }

    /// Whether it has not been killed.
    pub fn is_running(&self) -> bool {
        self.child.is_some()
    }

    /// What `PARKMESH_SMTP_URL` would be.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// The mails that it has, as JSON with `to`, `from`, `subject`, `message_id` and `body`.
    pub fn mails(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.file).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.kill();
        for file in [&self.script, &self.file] {
            let _gone = std::fs::remove_file(file);
        }
    }
}
