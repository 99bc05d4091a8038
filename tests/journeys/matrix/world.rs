//! Who calls, and what there is to ask for.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use parkmesh_contracts::ids::LotId;
use parkmesh_contracts::methods;
use parkmesh_platform::auth::{Claims, Role};
use serde_json::Value;

use super::ways::{Doors, Way};
use crate::support::{Up, eventually};

/// Tokens and ids by name.
pub struct World {
    pub tokens: BTreeMap<&'static str, String>,
    pub things: BTreeMap<&'static str, String>,
}

impl World {
    /// A lot of Olga's with bookings of Anna's.
    pub async fn make(up: &Up, doors: &Doors) -> Self {
        let mut world = Self { tokens: BTreeMap::new(), things: times(up) };
        world.put("lot", up.lot());
        for who in ["anna", "erin", "olga", "camera"] {
            world.tokens.insert(who, up.mint_claims(&world.claims(who)));
        }
        world.inventory(doors).await;
        world.ground(doors).await;
        world.tokens.insert("device", up.mint_claims(&world.claims("device")));
        world.bookings(doors).await;
        world.waiting(doors).await;
        world
    }

    /// What the token of somebody says.
    pub fn claims(&self, who: &str) -> Claims {
        let lot = LotId::parse(&self.things["lot"]).expect("a lot");
        let of = |subject: &str, role| Claims::new(subject, role, 86_400);
        match who {
            "olga" | "oscar" => of(who, Role::Operator),
            "oscar at her lot" => of("oscar", Role::Operator).at([lot]),
            "oscar at his lot" => of("oscar", Role::Operator).at([elsewhere()]),
            "olga elsewhere" => of("olga", Role::Operator).at([elsewhere()]),
            "camera" => of("camera-1", Role::Device).at([lot]),
            "camera elsewhere" => of("camera-1", Role::Device).at([elsewhere()]),
            "device" => of(&self.things["device"], Role::Device),
            "other device" => of("another-device", Role::Device),
            driver => of(driver, Role::Driver),
        }
    }

    fn put(&mut self, name: &'static str, value: impl Into<String>) {
        self.things.insert(name, value.into());
    }

    /// A request with everything in its place.
    pub fn fill(&self, request: &str) -> String {
        // The longest name first: `$lot` begins `$lot_version` too.
        let mut names: Vec<_> = self.things.iter().collect();
        names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
        names.into_iter().fold(request.to_owned(), |text, (name, value)| {
            text.replace(&format!("${name}"), value)
        })
    }

    async fn ask(&self, doors: &Doors, who: &str, method: &str, request: &str) -> Value {
        let path = format!("/parkmesh.{method}");
        let method = methods::find(&path).expect("a method");
        let fresh = uuid::Uuid::now_v7().to_string();
        let request = self.fill(&request.replace("$request", &fresh));
        let answer = doors.call(Way::Grpc, method, &request, Some(&self.tokens[who])).await;
        answer.unwrap_or_else(|status| panic!("{path} {request}: {status:?}"))
    }

    async fn inventory(&mut self, doors: &Doors) {
        const SERVICE: &str = "booking.v1.InventoryService";
        let ask = |name: &str| format!("{SERVICE}/{name}");
        let lot = self.ask(doors, "olga", &ask("GetLot"), r#"{"lotId": "$lot"}"#).await;
        self.put("lot_version", text(&lot, "/lot/version"));
        let floors = self.ask(doors, "olga", &ask("ListFloors"), r#"{"lotId": "$lot"}"#).await;
        self.put("floor", text(&floors, "/floors/0/floorId"));
        self.put("floor_version", text(&floors, "/floors/0/version"));
        let list = r#"{"lotId": "$lot", "floorId": "$floor", "pageSize": 100}"#;
        let spots = self.ask(doors, "olga", &ask("ListSpots"), list).await;
        let id = |number: usize| text(&spots, &format!("/spots/{number}/spotId"));
        let version = |number: usize| text(&spots, &format!("/spots/{number}/version"));
        self.put("spot", id(40));
        let kept = [
            (41, "idle_spot", "idle_version"),
            (42, "closed_spot", "closed_version"),
            (43, "first_spot", "first_version"),
            (44, "second_spot", "second_version"),
            (45, "third_spot", "third_version"),
            (46, "held_spot", "held_version"),
        ];
        for (number, spot, its_version) in kept {
            self.put(spot, id(number));
            self.put(its_version, version(number));
        }
        let closure = r#"{"requestId": "$request", "lotId": "$lot", "spotId": "$idle_spot", "window": $late, "reason": "x", "treatment": 1}"#;
        let closure = self.ask(doors, "olga", &ask("CreateClosure"), closure).await;
        self.put("closure", text(&closure, "/closure/closureId"));
        let allotment = r#"{"requestId": "$request", "lotId": "$lot", "name": "Concert", "window": $window, "capacity": 9, "ticketPrice": $price}"#;
        let allotment = self.ask(doors, "olga", &ask("CreateAllotment"), allotment).await;
        self.put("allotment", text(&allotment, "/allotment/allotmentId"));
        self.discounts(doors).await;
    }

    async fn discounts(&mut self, doors: &Doors) {
        const CREATE: &str = "booking.v1.DiscountService/CreateDiscount";
        self.put("code", "MATRIX".to_owned());
        let code = r#"{"requestId": "$request", "lotId": "$lot", "promoCode": {"code": "$code"}, "basisPoints": 1000}"#;
        self.ask(doors, "olga", CREATE, code).await;
        let merchant = r#"{"requestId": "$request", "lotId": "$lot", "merchant": {"name": "Anna's"}, "basisPoints": 1000}"#;
        let merchant = self.ask(doors, "olga", CREATE, merchant).await;
        self.put("merchant", text(&merchant, "/discount/discountId"));
    }

    async fn ground(&mut self, doors: &Doors) {
        let ask = |name: &str| format!("sensor.v1.SensorService/{name}");
        let list = r#"{"lotId": "$lot", "pageSize": 1}"#;
        let devices = self.ask(doors, "olga", &ask("ListSensors"), list).await;
        self.put("device", text(&devices, "/sensors/0/deviceId"));
        let read = r#"{"requestId": "$request", "lotId": "$lot", "gateId": "north", "direction": 1, "plate": "B MX 8", "readTime": "$now"}"#;
        let read = self.ask(doors, "camera", &ask("SubmitPlateRead"), read).await;
        self.put("plate_read", text(&read, "/plateReadId"));
    }

    async fn bookings(&mut self, doors: &Doors) {
        let ask = |name: &str| format!("booking.v1.BookingService/{name}");
        let book = |spot: &str| {
            format!(
                r#"{{"requestId": "$request", "spot": {{"spotId": "${spot}_spot", "spotVersion": "${spot}_version"}}, "window": $soon, "paymentMethod": "pm_card_ok"}}"#
            )
        };
        for (name, spot) in [("reserved", "first"), ("second", "second"), ("receipted", "third")] {
            let booked = self.ask(doors, "anna", &ask("CreateBooking"), &book(spot)).await;
            self.put(name, text(&booked, "/booking/bookingId"));
            if name == "reserved" {
                self.put("payment", text(&booked, "/booking/paymentId"));
            }
        }
        let held = book("held").replace(r#", "paymentMethod": "pm_card_ok""#, "");
        let held = self.ask(doors, "anna", &ask("HoldSpot"), &held).await;
        self.put("held", text(&held, "/booking/bookingId"));
        let parked = r#"{"requestId": "$request", "bookingId": "$receipted"}"#;
        self.ask(doors, "anna", &ask("CheckIn"), parked).await;
        self.ask(doors, "anna", &ask("EndSession"), parked).await;
        let erased = r#"{"requestId": "$request", "userId": "erin"}"#;
        let erased = self.ask(doors, "erin", &ask("EraseUser"), erased).await;
        self.put("erasure", text(&erased, "/erasure/erasureId"));
        let card = r#"{"requestId": "$request", "token": "pm_card_ok"}"#;
        let pay = "payment.v1.PaymentService/CreatePaymentMethod";
        let card = self.ask(doors, "anna", pay, card).await;
        self.put("card", text(&card, "/paymentMethod/paymentMethodId"));
        let told = "notification.v1.NotificationService/ListNotifications";
        let told = eventually("a message", || async {
            let told = self.ask(doors, "anna", told, "{}").await;
            told.pointer("/notifications/0/notificationId").is_some().then_some(told)
        })
        .await;
        self.put("notification", text(&told, "/notifications/0/notificationId"));
        let receipt = methods::find("/parkmesh.payment.v1.PaymentService/GetReceipt");
        let receipt = receipt.expect("a method");
        eventually("a receipt", || async {
            let request = self.fill(r#"{"bookingId": "$receipted"}"#);
            doors.call(Way::Grpc, receipt, &request, Some(&self.tokens["anna"])).await.ok()
        })
        .await;
    }

    /// Anna waits for the one place for motorcycles.
    async fn waiting(&mut self, doors: &Doors) {
        let one = r#"{"requestId": "$request", "floorId": "$floor", "spots": [{"spotNumber": "M-0", "spotType": 5}]}"#;
        let create = "booking.v1.InventoryService/BatchCreateSpots";
        self.ask(doors, "olga", create, one).await;
        let pool = r#"{"requestId": "$request", "pool": {"lotId": "$lot", "spotType": 5}, "window": $window}"#;
        self.ask(doors, "anna", "booking.v1.BookingService/HoldSpot", pool).await;
        let joined = self.ask(doors, "anna", "booking.v1.BookingService/JoinWaitlist", pool).await;
        self.put("entry", text(&joined, "/entry/entryId"));
    }
}

fn elsewhere() -> LotId {
    LotId::parse(&uuid::Uuid::nil().to_string()).expect("a lot")
}

/// Windows and days, from now on.
fn times(up: &Up) -> BTreeMap<&'static str, String> {
    let now = up.now();
    let window = |from: Timestamp, hours: i64| {
        let to = from + SignedDuration::from_hours(hours);
        format!(r#"{{"startTime": "{from}", "endTime": "{to}"}}"#)
    };
    let hours = |hours: i64| now + SignedDuration::from_hours(hours);
    let day = |days: i64| {
        let then: Zoned = now.in_tz("Europe/Berlin").expect("a zone");
        then.checked_add(days.days()).expect("a day").date().to_string()
    };
    BTreeMap::from([
        ("now", now.to_string()),
        ("from", hours(2).to_string()),
        ("to", hours(3).to_string()),
        ("later", hours(5).to_string()),
        ("soon", window(now + SignedDuration::from_mins(5), 2)),
        ("window", window(hours(6), 2)),
        ("late", window(hours(48), 2)),
        ("past", window(hours(-4), 2)),
        ("date", day(0)),
        ("week", day(1)),
        ("week_end", day(8)),
        ("price", r#"{"currencyCode": "EUR", "units": "2"}"#.to_owned()),
        ("cent", r#"{"currencyCode": "EUR", "nanos": 10000000}"#.to_owned()),
    ])
}

/// A text or a number at this place.
pub fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => panic!("no {pointer} in {value}"),
    }
}
