//! How often clients may ask, in the words of Envoy's local rate limit.

use super::fields::Fields;
use crate::rate::RateLimitConfig;

/// All rules; `redis` says whether there is one to count in.
pub fn read(fields: &mut Fields<'_>, redis: bool) -> Vec<RateLimitConfig> {
    fields.maps("rate_limits").into_iter().filter_map(|one| rule(one, redis)).collect()
}

fn rule(mut fields: Fields<'_>, redis: bool) -> Option<RateLimitConfig> {
    let prefix = match fields.map("match") {
        Some(mut matched) => matched.require("prefix").map(|(_, prefix)| prefix.to_owned()),
        None => Some("/".to_owned()),
    };
    let per_method = match fields.text("per") {
        None | Some((_, "client")) => false,
        Some((_, "client_and_method")) => true,
        Some((line, other)) => {
            let what = format!("{other}: there is client, client_and_method");
            fields.wrong_at(line, "per", &what);
            false
        }
    };
    let shared = match fields.text("counted") {
        None | Some((_, "here")) => false,
        Some((_, "together")) if redis => true,
        Some((line, "together")) => {
            fields.wrong_at(line, "counted", "together needs PARKMESH_REDIS_URL");
            false
        }
        Some((line, other)) => {
            fields.wrong_at(line, "counted", &format!("{other}: there is here, together"));
            false
        }
    };
    let Some(mut bucket) = fields.map("token_bucket") else {
        fields.wrong("token_bucket is missing");
        return None;
    };
    let (mut max_tokens, mut tokens_per_fill) = (0, 1);
    bucket.number("max_tokens", &mut max_tokens);
    bucket.number("tokens_per_fill", &mut tokens_per_fill);
    let fill_interval = bucket.find_duration("fill_interval");
    if max_tokens == 0 || tokens_per_fill == 0 || fill_interval.is_none() {
        bucket.wrong("max_tokens from 1, tokens_per_fill from 1 and fill_interval are needed");
        return None;
    }
    let fill_interval = fill_interval?;
    Some(RateLimitConfig {
        prefix: prefix?,
        per_method,
        shared,
        max_tokens,
        tokens_per_fill,
        fill_interval,
    })
}
