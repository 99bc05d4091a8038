//! What a request says, as the message that its method takes.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value};

use super::template::decoded;

/// Arguments in a query.
const PAIRS_MAX: usize = 256;

/// Body, then query, then path: what stands in the path counts.
///
/// # Errors
/// What is wrong, for whoever wrote it.
pub fn message(
    input: &MessageDescriptor,
    in_path: &[(&str, String)],
    query: &str,
    body: &[u8],
) -> Result<DynamicMessage, String> {
    let mut root = match body.is_empty() {
        true => Map::new(),
        false => serde_json::from_slice(body)
            .map_err(|error| format!("the body is no object of JSON: {error}"))?,
    };
    for (number, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if number >= PAIRS_MAX {
            return Err(format!("more than {PAIRS_MAX} arguments"));
        }
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        let read =
            |text: &str| decoded(text, true).ok_or_else(|| format!("{text} is not readable"));
        put(&mut root, input, &read(name)?, &read(text)?)?;
    }
    for (name, text) in in_path {
        let Some(field) = input.get_field_by_name(name) else { continue };
        root.remove(field.name());
        root.insert(field.json_name().to_owned(), value(&field, text)?);
    }
    DynamicMessage::deserialize(input.clone(), Value::Object(root))
        .map_err(|error| error.to_string())
}

/// Puts a text where its name says: `window.start_time`.
fn put(
    into: &mut Map<String, Value>,
    of: &MessageDescriptor,
    name: &str,
    text: &str,
) -> Result<(), String> {
    let (first, rest) =
        name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)));
    let field = of.get_field_by_name(first).or_else(|| of.get_field_by_json_name(first));
    let field = field.ok_or_else(|| format!("there is no argument {first}"))?;
    let key = field.json_name().to_owned();
    if let Some(rest) = rest {
        let Kind::Message(inner) = field.kind() else {
            return Err(format!("{first} has no fields"));
        };
        if field.is_list() || field.is_map() {
            return Err(format!("{first} cannot be told in a query"));
        }
        let at = into.entry(key).or_insert_with(|| Value::Object(Map::new()));
        let Value::Object(at) = at else { return Err(format!("{first} is told twice")) };
        return put(at, &inner, rest, text);
    }
    let told = value(&field, text)?;
    if field.is_list() {
        let list = into.entry(key).or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(list) = list else { return Err(format!("{first} is told twice")) };
        list.push(told);
    } else if into.insert(key, told).is_some() {
        return Err(format!("{first} is told twice"));
    }
    Ok(())
}

/// A text as JSON has it for this field.
fn value(field: &FieldDescriptor, text: &str) -> Result<Value, String> {
    let wrong = || format!("{}: {text} does not fit", field.name());
    Ok(match field.kind() {
        Kind::Bool => Value::Bool(text.parse().map_err(|_| wrong())?),
        Kind::Double | Kind::Float => {
            let number: f64 = text.parse().map_err(|_| wrong())?;
            serde_json::Number::from_f64(number).ok_or_else(wrong)?.into()
        }
        Kind::Enum(_) => text.parse::<i32>().map_or_else(|_| text.into(), Value::from),
        Kind::Message(other) if !is_text(other.full_name()) => {
            return Err(format!("{} has fields: name one, as in {}.x", field.name(), field.name()));
        }
        Kind::String | Kind::Bytes | Kind::Message(_) => text.into(),
        // Whole numbers of any width.
        _ => text.parse::<i128>().map_err(|_| wrong())?.to_string().into(),
    })
}

/// Messages that JSON has as texts.
fn is_text(name: &str) -> bool {
    matches!(
        name,
        "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask"
    )
}

#[cfg(test)]
mod tests {
    use prost_reflect::DescriptorPool;

    use super::*;

    fn input(name: &str) -> MessageDescriptor {
        let pool =
            DescriptorPool::decode(parkmesh_contracts::FILE_DESCRIPTOR_SET).expect("descriptors");
        pool.get_message_by_name(&format!("parkmesh.{name}")).expect("a message")
    }

    fn json(message: &DynamicMessage) -> Value {
        serde_json::to_value(message).expect("JSON")
    }

    #[test]
    fn a_query_reaches_every_kind_of_field() {
        let lots = input("availability.v1.FindLotsRequest");
        let query = "near.latitude=48.1&near.longitude=11&radius_meters=500&text=Am%20Ring+7&window.startTime=2030-01-01T00:00:00Z&\
                     window.end_time=2030-01-01T01%3A00%3A00Z&spotType=SPOT_TYPE_EV&order=0&free_only=true";
        let told = message(&lots, &[], query, b"").expect("a request");
        let wanted = serde_json::json!({
            "near": { "latitude": 48.1, "longitude": 11.0 },
            "radiusMeters": 500,
            "text": "Am Ring 7",
            "window": { "startTime": "2030-01-01T00:00:00Z", "endTime": "2030-01-01T01:00:00Z" },
            "spotType": "SPOT_TYPE_EV",
            "freeOnly": true,
        });
        assert_eq!(json(&told), wanted);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let lots = input("availability.v1.FindLotsRequest");
        let wrong = [
            ("page=1", "there is no argument page"),
            ("radius_meters=far", "radius_meters"),
            ("radius_meters=1&radiusMeters=2", "told twice"),
            ("text.x=1", "text has no fields"),
            ("window=today", "window has fields"),
            ("free_only=1", "free_only: 1 does not fit"),
            ("near.latitude=NaN", "does not fit"),
            ("text=%zz", "not readable"),
            ("spot_type=BIG", "BIG"),
        ];
        for (query, what) in wrong {
            let told = message(&lots, &[], query, b"").expect_err(query);
            assert!(told.contains(what), "{query}: {told}");
        }
        for body in ["[1]", "{", "{\"unknown\": 1}", "7"] {
            message(&lots, &[], "", body.as_bytes()).expect_err(body);
        }
    }

    #[test]
    fn the_path_counts_more_than_the_body() {
        let cancel = input("booking.v1.CancelBookingRequest");
        let body = br#"{"booking_id": "other", "requestId": "r"}"#;
        let told =
            message(&cancel, &[("booking_id", "mine".to_owned())], "", body).expect("a request");
        assert_eq!(json(&told), serde_json::json!({ "bookingId": "mine", "requestId": "r" }));
    }
}
