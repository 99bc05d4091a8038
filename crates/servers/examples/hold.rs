//! Holds throw-away servers in a folder until it is killed: `hold <home> <data folder>`. For the test
//! that the servers end with the process that started them, however that ends.

use std::path::Path;

use parkmesh_servers::{Binaries, Error, Options, Servers};

fn main() -> Result<(), Error> {
    let mut words = std::env::args().skip(1);
    let (Some(home), Some(data)) = (words.next(), words.next()) else {
        println!("hold <home> <data folder>");
        return Ok(());
    };
    let binaries = Binaries::locate_or_fetch(Path::new(&home), &|_| ())?;
    let servers = Servers::start(&binaries, &Options::throwaway(Path::new(&data)))?;
    println!("{}", servers.postgres_url());
    loop {
        std::thread::park();
    }
}
