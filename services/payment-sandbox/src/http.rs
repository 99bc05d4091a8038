//! The door: HTTP to commands and back. It decides nothing.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::domain::card::EXPIRY;
use crate::domain::{Authorize, Card, Command, Kind};
use crate::error::Error;
use crate::store::{self, Answer};

mod action;
mod admin;

/// All paths.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/livez", get(|| async { "ok" }))
        .route("/v1/authorizations", post(authorize).get(list))
        .route("/v1/authorizations/{id}", get(find))
        .route("/v1/authorizations/{id}/increase", post(increase))
        .route("/v1/authorizations/{id}/capture", post(capture))
        .route("/v1/authorizations/{id}/void", post(void))
        .route("/v1/authorizations/{id}/refunds", post(refund).get(refunds))
        .route("/v1/payment_methods/{token}", get(card))
        .route("/v1/movements", get(movements))
        .route("/v1/ledger", get(ledger))
        .merge(action::router())
        .merge(admin::router())
        .with_state(app)
}

type Body<T> = Result<Json<T>, JsonRejection>;
type Answered = Result<Response, Error>;

#[derive(Deserialize)]
struct Amount {
    amount_minor: i64,
}

#[derive(Deserialize)]
struct RefundOf {
    amount_minor: i64,
    reference: String,
}

#[derive(Deserialize)]
struct ByReference {
    reference: Option<String>,
    after: Option<i64>,
}

#[derive(Deserialize)]
struct Since {
    since: Timestamp,
    #[serde(default)]
    after: i64,
}

async fn authorize(State(app): State<App>, headers: HeaderMap, body: Body<Authorize>) -> Answered {
    perform(&app, &headers, Command::Authorize(read(body)?)).await
}

async fn increase(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body<Amount>,
) -> Answered {
    let (authorization_id, Amount { amount_minor }) = (id_of(&id)?, read(body)?);
    perform(&app, &headers, Command::Increase { authorization_id, amount_minor }).await
}

async fn capture(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body<Amount>,
) -> Answered {
    let (authorization_id, Amount { amount_minor }) = (id_of(&id)?, read(body)?);
    perform(&app, &headers, Command::Capture { authorization_id, amount_minor }).await
}

async fn void(State(app): State<App>, Path(id): Path<String>, headers: HeaderMap) -> Answered {
    perform(&app, &headers, Command::Void { authorization_id: id_of(&id)? }).await
}

async fn refund(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body<RefundOf>,
) -> Answered {
    let (authorization_id, RefundOf { amount_minor, reference }) = (id_of(&id)?, read(body)?);
    perform(&app, &headers, Command::Refund { authorization_id, amount_minor, reference }).await
}

async fn find(State(app): State<App>, Path(id): Path<String>) -> Answered {
    app.fault_before(Kind::Read).await?;
    Ok(Json(app.find(id_of(&id)?).await?).into_response())
}

async fn list(State(app): State<App>, Query(filter): Query<ByReference>) -> Answered {
    app.fault_before(Kind::Read).await?;
    let reference = filter.reference.ok_or_else(|| {
        Error::Invalid("reference_wrong", "say which reference is looked for".to_owned())
    })?;
    Ok(Json(json!({ "authorizations": app.list(&reference).await? })).into_response())
}

async fn refunds(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(filter): Query<ByReference>,
) -> Answered {
    app.fault_before(Kind::Read).await?;
    let found = store::refunds(&app.pool, id_of(&id)?, filter.reference.as_deref()).await?;
    Ok(Json(json!({ "refunds": found })).into_response())
}

async fn card(State(app): State<App>, Path(token): Path<String>) -> Answered {
    app.fault_before(Kind::Read).await?;
    let card = Card::find(&token).ok_or(Error::NoCard)?;
    let (expiry_month, expiry_year) = EXPIRY;
    let shown = json!({
        "payment_method": card.token,
        "brand": card.brand,
        "last_four": card.last_four,
        "expiry_month": expiry_month,
        "expiry_year": expiry_year,
    });
    Ok(Json(shown).into_response())
}

async fn movements(State(app): State<App>, Query(asked): Query<Since>) -> Answered {
    app.fault_before(Kind::Read).await?;
    let found = store::movements(&app.pool, asked.since, asked.after).await?;
    let next = found.last().map(|line| line["movement_id"].to_string());
    Ok(Json(json!({ "movements": found, "next": next })).into_response())
}

async fn ledger(State(app): State<App>, Query(filter): Query<ByReference>) -> Answered {
    let reference = filter.reference.as_deref();
    let entries: Vec<Value> = store::ledger(&app.pool, reference, filter.after).await?;
    Ok(Json(json!({ "entries": entries })).into_response())
}

async fn perform(app: &App, headers: &HeaderMap, command: Command) -> Answered {
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    Ok(respond(app.perform(key.unwrap_or_default().to_owned(), command).await?))
}

fn read<T>(body: Body<T>) -> Result<T, Error> {
    let unreadable = |bad: JsonRejection| Error::Invalid("body_unreadable", bad.body_text());
    body.map(|Json(body)| body).map_err(unreadable)
}

fn id_of(text: &str) -> Result<Uuid, Error> {
    text.parse().map_err(|_| Error::NotFound)
}

fn respond(answer: Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(answer.body)).into_response()
}
