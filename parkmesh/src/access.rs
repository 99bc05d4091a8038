//! Who may do what in the stores underneath: `parkmesh access`, and what `up` runs its own Redis and NATS with.
//!
//! Each role is a user of its own, and may do what its code does and nothing else: a process that was taken over can
//! neither tell another's facts nor read another's keys. PostgreSQL's users are roles of the database, see `migrate`.

mod nats;
mod passwords;
mod redis;

use parkmesh_servers::Access;

pub use passwords::Passwords;

use crate::Failure;
use crate::cli::Access as Options;
use crate::names::Role;

/// Who may do everything: an operator at a terminal, `parkmesh dead-letters`.
const ADMINISTRATOR: &str = "admin";
/// The file of all passwords, in the folder that `parkmesh access` writes.
const PASSWORDS: &str = "passwords.json";

/// What our own servers are started with.
pub fn of_servers(passwords: &Passwords) -> Access {
    Access {
        administrator: ADMINISTRATOR.to_owned(),
        password: passwords.of(ADMINISTRATOR).to_owned(),
        redis: redis::settings(passwords),
        nats: nats::settings(passwords),
    }
}

/// Writes what Redis and NATS are to be told, and what each role is to them.
pub fn run(options: &Options) -> Result<(), Failure> {
    let out = &options.out;
    std::fs::create_dir_all(out)?;
    let passwords = Passwords::open(&out.join(PASSWORDS))?;
    let write = |name: &str, text: &str| passwords::write(&out.join(name), text);
    write("nats.conf", &nats::settings(&passwords))?;
    write("redis.acl", &redis::settings(&passwords))?;
    println!("nats.conf    `include` it in the server's settings");
    println!("redis.acl    name it as `aclfile` in redis.conf");
    for role in Role::ALL {
        let lines = environment(options, role, &passwords);
        if !lines.is_empty() {
            write(&format!("{role}.env"), &lines)?;
            println!("{:<12} settings of the role", format!("{role}.env"));
        }
    }
    println!(
        "passwords.json keeps the passwords: a second run repeats them, and without it all are new"
    );
    Ok(())
}

/// The addresses at which a role is the user of its name, in settings of that role alone: they go before those of all.
fn environment(options: &Options, role: Role, passwords: &Passwords) -> String {
    let urls = [
        ("NATS_URL", nats::part(role).map(|_part| &options.nats_url)),
        ("REDIS_URL", redis::keys(role).map(|_keys| &options.redis_url)),
    ];
    let user = role.as_str();
    let scope = user.replace('-', "_").to_uppercase();
    let lines = urls.into_iter().filter_map(|(name, url)| {
        Some(format!("PARKMESH_{scope}_{name}={}\n", as_user(url?, user, passwords)))
    });
    lines.collect()
}

/// The address with who we are in it, in place of who is named there.
pub fn as_user(url: &str, user: &str, passwords: &Passwords) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let host = rest.rsplit_once('@').map_or(rest, |(_somebody, host)| host);
    format!("{scheme}://{user}:{}@{host}", passwords.of(user))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn a_role_takes_the_place_of_the_administrator_in_an_address() {
        let passwords = Passwords::new();
        let url = as_user("nats://admin:secret@127.0.0.1:4222", "booking", &passwords);
        assert_eq!(url, format!("nats://booking:{}@127.0.0.1:4222", passwords.of("booking")));
        assert!(as_user("redis://redis:6379", "gateway", &passwords).ends_with("@redis:6379"));
    }

    #[test]
    fn a_second_run_repeats_the_passwords() {
        let folder = std::env::temp_dir().join(format!("parkmesh-access-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(PASSWORDS);
        let first = Passwords::open(&path).unwrap();
        let second = Passwords::open(&path).unwrap();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(first.of("booking"), second.of("booking"));
        assert_ne!(first.of("booking"), first.of("payment"));
    }
}
