//! Sparkplug nodes, and a network server that tells a strange name: through a real broker.

use std::time::Duration;

use parkmesh_testkit::{eventually, mqtt_url};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, MqttOptions};

use crate::world::World;

/// A birth of `bay/occupied`, true, which is number 9 from now on.
const BIRTH: &[u8] = b"\x12\x14\x0a\x0cbay/occupied\x10\x09\x20\x0b\x70\x01";
/// Number 9 is false.
const DATA: &[u8] = b"\x12\x04\x10\x09\x70\x00";

/// The first command to the node, once it comes.
async fn command(world: &World) -> Vec<u8> {
    let url = mqtt_url();
    let (host, port) = url.strip_prefix("mqtt://").unwrap().rsplit_once(':').unwrap();
    let name = format!("{}-node", world.config.client_id);
    let (client, mut events) =
        AsyncClient::new(MqttOptions::new(name, host, port.parse().unwrap()), 16);
    let topic = format!("{}/spBv1.0/lot/NCMD/edge", world.config.topic_root);
    client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
    loop {
        match events.poll().await.unwrap() {
            Event::Incoming(Packet::SubAck(_)) => {
                world.publish("spBv1.0/lot/NDATA/edge", DATA).await;
            }
            Event::Incoming(Packet::Publish(publish)) => return publish.payload.to_vec(),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_speaks_in_numbers_is_asked_for_its_birth_and_then_understood() {
    let world = World::start().await;
    let asked = tokio::time::timeout(Duration::from_secs(20), command(&world)).await.unwrap();
    assert!(String::from_utf8_lossy(&asked).contains("Node Control/Rebirth"));
    world.publish("spBv1.0/lot/NBIRTH/edge", BIRTH).await;
    world.publish("spBv1.0/lot/NDATA/edge", DATA).await;
    world.heard_from("lot/edge/bay", 2).await;
    let told: Vec<_> = world.double.readings().iter().map(|reading| reading.occupied).collect();
    assert_eq!(told, [Some(true), Some(false)]);
    let frames = world.double.unreadable();
    assert_eq!(frames.len(), 1, "{frames:?}");
    assert_eq!(frames[0].reason, "UNKNOWN_ALIAS");
    world.publish("spBv1.0/lot/NDEATH/edge", Vec::new()).await;
    world.heard_from("lot/edge/bay", 3).await;
    let last = world.double.readings().pop().unwrap();
    assert!(last.unreachable && last.occupied.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_that_nobody_can_have_is_never_asked_about() {
    let world = World::start().await;
    world.double.register("70b3d57ed0000001", "bosch-tps110");
    let told = |eui: &str| {
        serde_json::json!({
            "end_device_ids": {"dev_eui": eui},
            "uplink_message": {"f_port": 1, "frm_payload": "AQ=="},
        })
        .to_string()
    };
    for eui in ["\0", "70b3d57ed000000\0", &"7".repeat(300)] {
        world.publish("v3/app@tenant/devices/bay/up", told(eui)).await;
    }
    world.publish("v3/app@tenant/devices/bay/up", told("70B3D57ED0000001")).await;
    world.heard_from("70b3d57ed0000001", 1).await;
    eventually("three strange names", || async {
        (world.double.unreadable().len() == 3).then_some(())
    })
    .await;
}
