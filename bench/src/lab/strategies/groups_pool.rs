//! Any spot, in groups.
//!
//! Ours. The writer remembers which windows of which spots it has seen taken. Each ask of a group is given a spot
//! that is free in that memory, a different one for each, starting at a spot of its own; one statement books the
//! whole group under the exclusion constraint. The memory only suggests: a wrong suggestion costs another
//! try, and "full" is said only after the database itself found nothing free.

use std::collections::{BTreeMap, HashSet, VecDeque};

use sqlx::{PgConnection, Row};
use tokio::sync::mpsc;

use crate::Failure;
use crate::lab::ground::Ground;
use crate::lab::rows;
use crate::lab::strategies::grouping::{Ask, Desk, next_group};
use crate::lab::strategies::groups::{IN_ORDER, book};
use crate::lab::strategy::{Choice, Client, Outcome, Strategy, Want};

const TAKEN: &str = "SELECT spot_id, ((extract(epoch FROM lower(during)) - 1893456000) / 60)::integer,
    ((extract(epoch FROM upper(during)) - 1893456000) / 60)::integer FROM booking WHERE state IN (1, 2, 3)";

pub struct GroupsPool {
    name: &'static str,
    clients: usize,
    desk: Desk,
}

impl GroupsPool {
    /// For so many drivers at once.
    pub fn new(name: &'static str, clients: usize) -> Self {
        Self { name, clients, desk: Desk::default() }
    }
}

#[tonic::async_trait]
impl Strategy for GroupsPool {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shows(&self) -> &'static str {
        "ours: groups, a memory suggests a spot for each, EXCLUDE decides, the table says \"full\""
    }

    fn choice(&self) -> Choice {
        Choice::Pool
    }

    fn tables(&self) -> &'static str {
        rows::EXCLUDE_AND_LOOKUP
    }

    fn clients(&self) -> usize {
        self.clients
    }

    fn uses_connections(&self) -> bool {
        false
    }

    async fn prepare(&mut self, ground: &Ground) -> Result<(), Failure> {
        let insert = rows::insert("", rows::ASKS, IN_ORDER, ground.everything);
        let find = rows::free_spot("LIMIT 1").leak();
        let mut db = ground.connect().await?;
        let mut memory = Memory { taken: vec![BTreeMap::new(); ground.spots as usize], turn: 0 };
        for row in sqlx::query(TAKEN).fetch_all(&mut db).await? {
            let spot = rows::number_of(row.try_get(0)?);
            memory.note(&Want { spot, start: row.try_get(1)?, end: row.try_get(2)? });
        }
        let writer = Writer { db, memory, insert, find };
        ground.tasks.spawn("writer", writer.run(self.desk.open()));
        Ok(())
    }

    async fn reserve(&self, client: &mut Client, want: &Want) -> Result<Outcome, Failure> {
        // One queue: whoever comes first is served first, whatever spot it will be.
        self.desk.ask(client, &Want { spot: 0, ..*want }).await
    }
}

struct Writer {
    db: PgConnection,
    memory: Memory,
    insert: &'static str,
    find: &'static str,
}

impl Writer {
    async fn run(mut self, mut queue: mpsc::Receiver<Ask>) {
        let mut again = VecDeque::new();
        while let Some(group) = next_group(&mut queue, &mut again).await {
            if let Err(error) = self.serve(group, &mut again).await {
                eprintln!("  a group failed: {error}");
            }
        }
    }

    /// What the table says where the memory knows no free spot. A spot that is being booked in this group is
    /// free in the table still, and not to be had.
    async fn look(&mut self, want: &Want) -> Result<Option<u32>, sqlx::Error> {
        let found = rows::find_free(&mut self.db, self.find, want).await?;
        Ok(found.map(rows::number_of).filter(|&spot| !self.memory.is_new(spot, want)))
    }

    async fn serve(
        &mut self,
        group: Vec<Ask>,
        again: &mut VecDeque<Ask>,
    ) -> Result<(), sqlx::Error> {
        let mut chosen = Vec::with_capacity(group.len());
        // Windows that were looked up in vain: a crowd wants the same one, and one look answers all.
        let mut full = HashSet::new();
        for mut ask in group {
            let window = (ask.want.start, ask.want.end);
            let spot = match self.memory.free(&ask.want) {
                None if full.contains(&window) => None,
                None => self.look(&ask.want).await?,
                known => known,
            };
            match spot {
                None => {
                    full.insert(window);
                    ask.answer(Outcome::Refused);
                }
                Some(spot) => {
                    ask.want.spot = spot;
                    self.memory.note(&ask.want);
                    chosen.push(ask);
                }
            }
        }
        let booked = match chosen.is_empty() {
            true => Default::default(),
            false => book(&mut self.db, self.insert, &chosen).await?,
        };
        for ask in chosen {
            match booked.contains(&ask.booking_id) {
                true => ask.answer(Outcome::Won),
                false => again.push_back(ask),
            }
        }
        Ok(())
    }
}

/// What is taken, as far as this writer has seen: per spot, ends by starts.
struct Memory {
    taken: Vec<BTreeMap<i32, i32>>,
    turn: usize,
}

impl Memory {
    fn note(&mut self, want: &Want) {
        if let Some(spot) = self.taken.get_mut(want.spot as usize) {
            spot.insert(want.start, want.end);
        }
    }

    /// Whether this very window was noted: it is being booked in this group, which the table cannot know yet.
    fn is_new(&self, spot: u32, want: &Want) -> bool {
        let spot = self.taken.get(spot as usize);
        spot.is_some_and(|taken| taken.get(&want.start) == Some(&want.end))
    }

    /// A spot that is free as far as is known. Each search begins one spot further.
    fn free(&mut self, want: &Want) -> Option<u32> {
        self.turn = (self.turn + 1) % self.taken.len().max(1);
        let (later, sooner) = (self.turn..self.taken.len(), 0..self.turn);
        let is_free = |&spot: &usize| {
            let before = self.taken[spot].range(..want.end).next_back();
            before.is_none_or(|(_, &end)| end <= want.start)
        };
        later.chain(sooner).find(is_free).and_then(|spot| u32::try_from(spot).ok())
    }
}
