//! An issuer that is not ours: signs with ring, while what is tested verifies with another library.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parkmesh_platform::auth::AuthConfig;
use parkmesh_platform::clock::Clock;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};

const RSA_PEM: &[u8] = include_bytes!("test-key.pem");

pub struct Key {
    pub id: &'static str,
    pair: Pair,
}

enum Pair {
    Ed(Ed25519KeyPair),
    Ec(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    pub fn ed(id: &'static str) -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { id, pair: Pair::Ed(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap()) }
    }

    pub fn ec(id: &'static str) -> Self {
        let (kind, chance) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &chance).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &chance).unwrap();
        Self { id, pair: Pair::Ec(pair) }
    }

    pub fn rsa(id: &'static str) -> Self {
        let pkcs8 = PrivatePkcs8KeyDer::from_pem_slice(RSA_PEM).unwrap();
        let pair = RsaKeyPair::from_pkcs8(pkcs8.secret_pkcs8_der()).unwrap();
        Self { id, pair: Pair::Rsa(pair) }
    }

    pub fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Ed(_) => "EdDSA",
            Pair::Ec(_) => "ES256",
            Pair::Rsa(_) => "RS256",
        }
    }

    /// What everybody may know of it, byte by byte: what a confused verifier would take for a secret.
    pub fn public(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ed(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
            Pair::Rsa(pair) => pair.public_key().as_ref().to_vec(),
        }
    }

    pub fn jwk(&self) -> Value {
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match &self.pair {
            Pair::Ed(_) => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(&self.public()) }),
            Pair::Ec(_) => {
                // Uncompressed: 4, x, y.
                let point = self.public();
                json!({ "kty": "EC", "crv": "P-256", "x": text(&point[1..33]), "y": text(&point[33..]) })
            }
            Pair::Rsa(pair) => {
                let (n, e): (Vec<u8>, Vec<u8>) = {
                    let parts = ring::rsa::PublicKeyComponents::from(pair.public_key());
                    (parts.n, parts.e)
                };
                json!({ "kty": "RSA", "n": text(&n), "e": text(&e) })
            }
        };
        jwk["kid"] = self.id.into();
        jwk["use"] = "sig".into();
        jwk
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::Ed(pair) => pair.sign(text).as_ref().to_vec(),
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), text).unwrap().as_ref().to_vec(),
            Pair::Rsa(_) => self.sign_rsa(&RSA_PKCS1_SHA256, text),
        }
    }

    fn sign_rsa(&self, padding: &'static dyn RsaEncoding, text: &[u8]) -> Vec<u8> {
        let Pair::Rsa(pair) = &self.pair else { panic!("an RSA key") };
        let mut signature = vec![0; pair.public().modulus_len()];
        pair.sign(padding, &SystemRandom::new(), text, &mut signature).unwrap();
        signature
    }

    /// A driver's token.
    pub fn token(&self, subject: &str) -> String {
        self.token_with(&json!({ "alg": self.algorithm(), "kid": self.id }), subject)
    }

    /// Signed as this key signs, whatever the header says.
    pub fn token_with(&self, header: &Value, subject: &str) -> String {
        token(header, subject, |text| self.sign(text))
    }

    /// Signed by an RSA key in the ways that we do not offer.
    pub fn tokens_in_other_ways(&self, subject: &str) -> [String; 2] {
        let ways: [(&str, &'static dyn RsaEncoding); 2] =
            [("RS512", &RSA_PKCS1_SHA512), ("PS256", &RSA_PSS_SHA256)];
        ways.map(|(name, padding)| {
            let header = json!({ "alg": name, "kid": self.id });
            token(&header, subject, |text| self.sign_rsa(padding, text))
        })
    }
}

pub fn set(keys: &[&Key]) -> String {
    json!({ "keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>() }).to_string()
}

pub fn token(header: &Value, subject: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let payload = json!({
        "iss": AuthConfig::DEVELOPMENT_ISSUER,
        "aud": [AuthConfig::DEVELOPMENT_AUDIENCE],
        "sub": subject,
        "exp": Clock::system().now().as_second() + 3_600,
        "role": "driver",
        "scope": "booking.read",
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(&payload));
    let signature = URL_SAFE_NO_PAD.encode(sign(signed.as_bytes()));
    format!("{signed}.{signature}")
}
