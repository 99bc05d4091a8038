//! The door: HTTP to commands and back. It decides nothing.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::app::{App, Authorize, Command};
use crate::error::Error;
use crate::store::Answer;

/// All paths.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/v1/authorizations", post(authorize).get(list))
        .route("/v1/authorizations/{id}/capture", post(capture))
        .route("/v1/authorizations/{id}/void", post(void))
        .route("/v1/ledger", get(ledger))
        .with_state(app)
}

#[derive(Deserialize)]
struct Capture {
    amount_minor: i64,
}

#[derive(Deserialize)]
struct ByReference {
    reference: Option<String>,
}

async fn authorize(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Json<Authorize>, JsonRejection>,
) -> Result<Response, Error> {
    let Json(asked) = body.map_err(unreadable)?;
    Ok(respond(app.perform(key_of(&headers), Command::Authorize(asked)).await?))
}

async fn capture(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Result<Json<Capture>, JsonRejection>,
) -> Result<Response, Error> {
    let Json(Capture { amount_minor }) = body.map_err(unreadable)?;
    let command = Command::Capture { authorization_id: id_of(&id)?, amount_minor };
    Ok(respond(app.perform(key_of(&headers), command).await?))
}

async fn void(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let command = Command::Void { authorization_id: id_of(&id)? };
    Ok(respond(app.perform(key_of(&headers), command).await?))
}

async fn list(
    State(app): State<App>,
    Query(filter): Query<ByReference>,
) -> Result<Response, Error> {
    let reference = filter.reference.ok_or_else(|| {
        Error::Invalid("reference_wrong", "say which reference is looked for".to_owned())
    })?;
    let found = app.list(&reference).await?;
    Ok(Json(json!({ "authorizations": found })).into_response())
}

async fn ledger(
    State(app): State<App>,
    Query(filter): Query<ByReference>,
) -> Result<Response, Error> {
    let entries = app.ledger(filter.reference.as_deref()).await?;
    Ok(Json(json!({ "entries": entries })).into_response())
}

fn key_of(headers: &HeaderMap) -> String {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    key.unwrap_or_default().to_owned()
}

fn id_of(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::NotFound)
}

fn unreadable(rejection: JsonRejection) -> Error {
    Error::Invalid("body_unreadable", rejection.body_text())
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(answer.body)).into_response()
}
