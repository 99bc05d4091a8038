//! `parkmesh decode`: what one frame of a sensor means.

use parkmesh_sensor_bridge::{Frame, Make};
use serde::Serialize;

use crate::Failure;
use crate::cli::Decode;

/// Where frames come that are not told apart by their port, and changes of those that are.
const PORT_USUAL: u8 = 1;

/// What is printed.
#[derive(Serialize)]
struct Told<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    firmware: &'a str,
    port: u8,
    #[serde(flatten)]
    frame: Frame,
}

/// Prints what the frame says.
pub fn run(options: &Decode) -> Result<(), Failure> {
    println!("{}", told(options)?);
    Ok(())
}

fn told(options: &Decode) -> Result<String, Failure> {
    let bytes = bytes_of(&options.hex.concat())?;
    if bytes.is_empty() {
        return Err("the frame has no bytes".into());
    }
    let make = Make::choose(&options.model, &options.firmware)?;
    let port = options.port.unwrap_or(PORT_USUAL);
    let frame = make.decode(port, &bytes)?;
    if options.port.is_none() && make.tells_by_port() && frame.unknown_parts > 0 {
        let model = &options.model;
        return Err(format!("a status of {model} is shorter; say with --port where it came").into());
    }
    let (model, firmware) = (options.model.as_str(), options.firmware.as_str());
    Ok(serde_json::to_string(&Told { model, firmware, port, frame })?)
}

fn bytes_of(text: &str) -> Result<Vec<u8>, Failure> {
    let text = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
    let digits: Vec<char> =
        text.chars().filter(|letter| !letter.is_whitespace() && *letter != ':').collect();
    let values: Option<Vec<u32>> = digits.iter().map(|digit| digit.to_digit(16)).collect();
    let values = values.ok_or("the frame is not written in hex digits")?;
    if values.len() % 2 == 1 {
        return Err("the frame has an odd number of hex digits".into());
    }
    let bytes = values.chunks_exact(2).map(|pair| u8::try_from(pair[0] << 4 | pair[1]));
    Ok(bytes.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(model: &str, port: Option<u8>, hex: &str) -> Result<serde_json::Value, String> {
        let hex = vec![hex.to_owned()];
        let options = Decode { model: model.to_owned(), firmware: String::new(), port, hex };
        let told = told(&options).map_err(|failure| failure.to_string())?;
        serde_json::from_str(&told).map_err(|error| error.to_string())
    }

    #[test]
    fn a_frame_is_told_with_what_it_was_read_as() {
        let told = decode("bosch-tps110", Some(2), "01 ff");
        let all = serde_json::json!({
            "model": "bosch-tps110", "port": 2, "kind": "heartbeat", "occupied": true,
            "temperature_celsius": -1.0,
        });
        assert_eq!(told, Ok(all));
        let told = decode("placepod", None, "0x3F:01:01").expect("readable");
        assert!(told["occupied"].is_null() && told.get("occupied").is_some());
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let why = |model, hex| decode(model, None, hex).expect_err("no sense");
        assert!(why("placepod", "").contains("no bytes"));
        assert!(why("placepod", "376").contains("odd number"));
        assert!(why("placepod", "37660g").contains("hex digits"));
        assert!(why("placepod", "376602").contains("neither vacant nor occupied"));
        let startup = "0000000099020206006F00000017030200";
        assert!(why("bosch-tps110", startup).contains("--port"), "no status by mistake");
        assert!(decode("bosch-tps110", Some(3), startup).is_ok());
    }

    #[test]
    fn every_model_that_can_be_registered_has_a_decoder() {
        let mut decoded: Vec<&str> = parkmesh_sensor_bridge::MODELS.to_vec();
        // Needs no frame decoder: it says everything in words.
        decoded.push("plain-json");
        let mut registered: Vec<&str> = parkmesh_sensor::model_names().collect();
        decoded.sort_unstable();
        registered.sort_unstable();
        assert_eq!(decoded, registered);
    }
}
