//! Methods that every server has and no contract of ours lists: health and reflection. They need no
//! token; probes have none, and reflection tells only what the protos in the repository tell.

use parkmesh_contracts::methods::{Criticality, Idempotency, Method};

/// A probe that takes longer than this is as good as none, in milliseconds.
const PROBE_DEADLINE_MS: u32 = 5_000;

const HEALTH: &str = "grpc.health.v1.Health";
const REFLECTION_V1: &str = "grpc.reflection.v1.ServerReflection";
const REFLECTION_V1ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

static EXEMPT: [Method; 4] = [
    probe("/grpc.health.v1.Health/Check", HEALTH, "Check", false),
    probe("/grpc.health.v1.Health/Watch", HEALTH, "Watch", true),
    reflection("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", REFLECTION_V1),
    reflection(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        REFLECTION_V1ALPHA,
    ),
];

/// The row of a method that needs no token.
pub fn find(path: &str) -> Option<&'static Method> {
    // One comparison keeps our own methods from walking the list.
    if !path.starts_with("/grpc.") {
        return None;
    }
    EXEMPT.iter().find(|method| method.path == path)
}

const fn probe(
    path: &'static str,
    service: &'static str,
    name: &'static str,
    server_streaming: bool,
) -> Method {
    Method {
        path,
        service,
        name,
        role: "platform",
        scopes: &[],
        callers: &[],
        idempotency: Idempotency::NoSideEffects,
        deadline_ms: if server_streaming { 0 } else { PROBE_DEADLINE_MS },
        criticality: Criticality::Critical,
        client_streaming: false,
        server_streaming,
    }
}

const fn reflection(path: &'static str, service: &'static str) -> Method {
    Method {
        client_streaming: true,
        criticality: Criticality::Sheddable,
        ..probe(path, service, "ServerReflectionInfo", true)
    }
}
