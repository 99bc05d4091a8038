//! What the driver does, not the merchant: the page to which the merchant's app sends them, and the call
//! behind it.

use axum::Router;
use axum::extract::{Form, Path, Query, State};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use parkmesh_platform::html::escaped;
use serde::Deserialize;

use super::{Answered, Body, id_of, read, respond};
use crate::app::App;
use crate::domain::{Authorization, Command, Status};
use crate::error::Error;

/// All paths.
pub fn router() -> Router<App> {
    let page = "/v1/authorizations/{id}/action/page";
    Router::new()
        .route("/v1/authorizations/{id}/action", get(page_of).post(act))
        .route(page, axum::routing::post(act_on_page))
}

#[derive(Deserialize)]
struct Acted {
    client_secret: String,
    /// Not said: yes.
    #[serde(default = "yes")]
    accepted: bool,
}

fn yes() -> bool {
    true
}

/// What the page's address and its buttons carry.
#[derive(Deserialize)]
struct Shown {
    client_secret: String,
    return_url: Option<String>,
}

#[derive(Deserialize)]
struct Pressed {
    client_secret: String,
    accepted: bool,
    return_url: Option<String>,
}

async fn act(State(app): State<App>, Path(id): Path<String>, body: Body<Acted>) -> Answered {
    let Acted { client_secret, accepted } = read(body)?;
    let command = Command::Act { authorization_id: id_of(&id)?, client_secret, accepted };
    Ok(respond(app.ask(None, command).await?.answer))
}

/// Asks, while there is something to ask; else says how it stands.
async fn page_of(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(shown): Query<Shown>,
) -> Answered {
    let found = app.find(id_of(&id)?).await?;
    let asks = found.status == Status::ActionRequired;
    if asks && found.client_secret.as_deref() != Some(&shown.client_secret) {
        return Err(Error::NotFound);
    }
    let back = back(shown.return_url.as_deref());
    let middle = match asks {
        false => format!("<p role=\"status\">{}</p>{back}", told(&found)),
        true => buttons(&found, &shown),
    };
    Ok(page(&middle))
}

async fn act_on_page(
    State(app): State<App>,
    Path(id): Path<String>,
    Form(pressed): Form<Pressed>,
) -> Answered {
    let Pressed { client_secret, accepted, return_url } = pressed;
    let authorization_id = id_of(&id)?;
    // What does not move has moved before: the page then says how it stands.
    app.ask(None, Command::Act { authorization_id, client_secret, accepted }).await?;
    let found = app.find(authorization_id).await?;
    let middle = format!("<p role=\"status\">{}</p>{}", told(&found), back(return_url.as_deref()));
    Ok(page(&middle))
}

fn buttons(found: &Authorization, shown: &Shown) -> String {
    let Authorization { authorization_id, amount_minor, currency, .. } = found;
    let (whole, rest) = (amount_minor / 100, amount_minor % 100);
    let secret = escaped(&shown.client_secret);
    let back = shown.return_url.as_deref().map_or_else(String::new, |url| {
        format!("<input type=\"hidden\" name=\"return_url\" value=\"{}\">", escaped(url))
    });
    let button = |accepted: bool, label: &str| {
        format!("<button name=\"accepted\" value=\"{accepted}\">{label}</button> ")
    };
    format!(
        "<p>Your bank asks: set aside {whole}.{rest:02} {currency} for parking?</p>\
         <form method=\"post\" action=\"/v1/authorizations/{authorization_id}/action/page\">\
         <input type=\"hidden\" name=\"client_secret\" value=\"{secret}\">{back}{}{}</form>",
        button(true, "Accept"),
        button(false, "Refuse")
    )
}

const fn told(found: &Authorization) -> &'static str {
    match found.status {
        Status::Authorized | Status::Capturing | Status::Captured => "Accepted. You can go back.",
        Status::Declined => "Refused. You can go back.",
        Status::Voided | Status::Expired => "Too late: nobody waits for this any more.",
        Status::ActionRequired => "Still open.",
    }
}

/// The way back to the merchant's app; only to an address of the web.
fn back(return_url: Option<&str>) -> String {
    let web = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    return_url.filter(web).map_or_else(String::new, |url| {
        format!("<p><a href=\"{}\">Back to the booking</a></p>", escaped(url))
    })
}

fn page(middle: &str) -> axum::response::Response {
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Test bank</title>\
         <body style=\"font-family: sans-serif; max-width: 30em; margin: 3em auto\">\
         <h1>Test bank</h1>{middle}</body></html>"
    ))
    .into_response()
}
