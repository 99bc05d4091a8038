//! What proofs and tests say to the sandbox: faults, webhooks, and what happens at the bank.

use std::sync::PoisonError;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::{Answered, Body, id_of, read, respond};
use crate::app::App;
use crate::config::Endpoint;
use crate::domain::{Command, Dispute, Faults};
use crate::store;

/// All paths.
pub fn router() -> Router<App> {
    Router::new()
        .route("/admin/faults", get(faults).put(put_faults))
        .route("/admin/webhooks", get(webhooks).put(put_webhooks))
        .route("/admin/authorizations/{id}/expire", post(expire))
        .route("/admin/authorizations/{id}/dispute", post(dispute))
        .route("/admin/verdict", get(verdict))
}

#[derive(Deserialize)]
struct Disputed {
    status: Dispute,
}

async fn faults(State(app): State<App>) -> Answered {
    let faults = app.faults.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Json(faults).into_response())
}

async fn put_faults(State(app): State<App>, body: Body<Faults>) -> Answered {
    let faults = read(body)?;
    app.faults.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&faults);
    Ok(Json(faults).into_response())
}

async fn webhooks(State(app): State<App>) -> Answered {
    let url = app.endpoint.read().unwrap_or_else(PoisonError::into_inner).clone();
    let url = url.map(|endpoint| endpoint.url);
    Ok(Json(json!({ "url": url, "waiting": store::waiting(&app.pool).await? })).into_response())
}

/// `null` ends them.
async fn put_webhooks(State(app): State<App>, body: Body<Option<Endpoint>>) -> Answered {
    let endpoint = read(body)?;
    *app.endpoint.write().unwrap_or_else(PoisonError::into_inner) = endpoint;
    webhooks(State(app)).await
}

async fn expire(State(app): State<App>, Path(id): Path<String>) -> Answered {
    let command = Command::Expire { authorization_id: id_of(&id)? };
    Ok(respond(app.ask(None, command).await?.answer))
}

async fn dispute(State(app): State<App>, Path(id): Path<String>, body: Body<Disputed>) -> Answered {
    let dispute = read(body)?.status;
    let command = Command::Dispute { authorization_id: id_of(&id)?, dispute };
    Ok(respond(app.ask(None, command).await?.answer))
}

async fn verdict(State(app): State<App>) -> Answered {
    Ok(Json(store::verdict(&app.pool).await?).into_response())
}
