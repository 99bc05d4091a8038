//! Calls again and again by those who can make one: as fast as they go, or at a rate.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::Mutex;

use crate::Failure;

/// Calls made in this time, as fast as they go.
pub async fn load(
    callers: Vec<impl AsyncFnMut() -> Result<(), Failure>>,
    time: Duration,
) -> Result<u64, Failure> {
    let until = Instant::now() + time;
    let loops = callers.into_iter().map(|mut call| async move {
        let mut calls = 0;
        while Instant::now() < until {
            call().await?;
            calls += 1;
        }
        Ok::<u64, Failure>(calls)
    });
    join_all(loops).await.into_iter().sum()
}

/// How long each call took from when it was due, at this rate.
pub async fn paced(
    callers: Vec<impl AsyncFnMut() -> Result<(), Failure>>,
    rate: f64,
    time: Duration,
) -> Result<Vec<Duration>, Failure> {
    let due = &Mutex::new(crate::reads::pace(rate, time));
    let loops = callers.into_iter().map(|mut call| async move {
        let mut took = Vec::new();
        loop {
            let Some(next) = due.lock().await.recv().await else { return Ok::<_, Failure>(took) };
            call().await?;
            took.push(next.elapsed());
        }
    });
    let all = join_all(loops).await.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(all.concat())
}
