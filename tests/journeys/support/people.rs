//! People who call: drivers, and the office that looks at everything.

use jiff::{SignedDuration, Timestamp};
use parkmesh_contracts::availability::v1::availability_service_client::AvailabilityServiceClient;
use parkmesh_contracts::availability::v1::{
    GetAvailabilityRequest, GetAvailabilityResponse, ListSpotStatesRequest, SpotState,
};
use parkmesh_contracts::booking::v1::booking_service_client::BookingServiceClient;
use parkmesh_contracts::booking::v1::{
    Booking, ConfirmBookingRequest, GetBookingRequest, HoldSpotRequest, SpotChoice,
    hold_spot_request,
};
use parkmesh_contracts::common::v1::Window;
use parkmesh_contracts::notification::v1::notification_service_client::NotificationServiceClient;
use parkmesh_contracts::notification::v1::{ListNotificationsRequest, Notification};
use parkmesh_contracts::payment::v1::payment_service_client::PaymentServiceClient;
use parkmesh_contracts::sensor::v1::sensor_service_client::SensorServiceClient;
use parkmesh_contracts::sensor::v1::{GetSpotOccupancyRequest, Sensor};
use parkmesh_contracts::time;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use super::Up;

/// A channel that shows a token.
pub type Way = InterceptedService<Channel, Bearer>;

/// Adds the token to each call.
#[derive(Clone)]
pub struct Bearer(MetadataValue<Ascii>);

impl tonic::service::Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

fn way(url: String, token: &str) -> Way {
    way_over(Endpoint::from_shared(url).expect("an address").connect_lazy(), token)
}

fn way_over(channel: Channel, token: &str) -> Way {
    InterceptedService::new(channel, Bearer(format!("Bearer {token}").parse().expect("a token")))
}

/// The reason in an error.
pub fn reason(status: &Status) -> String {
    parkmesh_platform::fault::reason_of(status).unwrap_or_default()
}

/// Somebody with a driver's token.
pub struct Driver {
    way: Way,
}

/// A hold, as it was asked for, to be asked for again with the same id.
#[derive(Clone)]
pub struct Kept {
    pub request: HoldSpotRequest,
}

impl Driver {
    /// The driver whose token is called so in up.json.
    pub fn new(up: &Up, name: &str) -> Self {
        Self { way: way(up.gateway(), &up.token(name)) }
    }

    /// Somebody who calls a service itself and not the gateway.
    pub fn straight(url: String, token: &str) -> Self {
        Self { way: way(url, token) }
    }

    /// A driver of this name, with a token from the development issuer.
    pub fn named(up: &Up, name: &str) -> Self {
        Self { way: way_over(up.shared_channel(), &up.mint(name)) }
    }

    /// Holds a spot; asks again, with the same id, where the answer is that the house is too busy.
    pub async fn hold_patiently(&self, wish: &Kept) -> Result<Booking, Status> {
        loop {
            match self.hold(wish).await {
                Err(status) if status.code() == tonic::Code::Unavailable => {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
                outcome => return outcome,
            }
        }
    }

    pub fn booking(&self) -> BookingServiceClient<Way> {
        BookingServiceClient::new(self.way.clone())
    }

    pub fn payment(&self) -> PaymentServiceClient<Way> {
        PaymentServiceClient::new(self.way.clone())
    }

    pub fn availability(&self) -> AvailabilityServiceClient<Way> {
        AvailabilityServiceClient::new(self.way.clone()).max_decoding_message_size(16 << 20)
    }

    pub fn notification(&self) -> NotificationServiceClient<Way> {
        NotificationServiceClient::new(self.way.clone())
    }

    /// The spot as the map shows it.
    pub async fn spot(&self, up: &Up, number: &str) -> Result<SpotState, Status> {
        let request =
            ListSpotStatesRequest { lot_id: up.lot(), page_size: 5_000, ..Default::default() };
        let spots = self.availability().list_spot_states(request).await?.into_inner().spots;
        let found = spots.into_iter().find(|spot| spot.spot_number == number);
        found.ok_or_else(|| Status::unavailable("the spot is not on the map yet"))
    }

    /// What is free.
    pub async fn counts(&self, up: &Up) -> Result<GetAvailabilityResponse, Status> {
        let request = GetAvailabilityRequest { lot_id: up.lot() };
        Ok(self.availability().get_availability(request).await?.into_inner())
    }

    /// Asks for a spot.
    pub fn wish(&self, spot: &SpotState, start: Timestamp, length: SignedDuration) -> Kept {
        let choice = SpotChoice { spot_id: spot.spot_id.clone(), spot_version: spot.spot_version };
        let window = Window {
            start_time: Some(time::to_proto(start)),
            end_time: Some(time::to_proto(start + length)),
        };
        let request = HoldSpotRequest {
            request_id: uuid::Uuid::now_v7().to_string(),
            choice: Some(hold_spot_request::Choice::Spot(choice)),
            window: Some(window),
            ..Default::default()
        };
        Kept { request }
    }

    /// Holds a spot.
    pub async fn hold(&self, wish: &Kept) -> Result<Booking, Status> {
        let answer = self.booking().hold_spot(wish.request.clone()).await?.into_inner();
        Ok(answer.booking.expect("a booking"))
    }

    /// Confirms a hold with a card.
    pub async fn confirm(
        &self,
        booking: &Booking,
        card: &str,
        request_id: &str,
    ) -> Result<Booking, Status> {
        let request = ConfirmBookingRequest {
            request_id: request_id.to_owned(),
            booking_id: booking.booking_id.clone(),
            payment_method: card.to_owned(),
        };
        let answer = self.booking().confirm_booking(request).await?.into_inner();
        Ok(answer.booking.expect("a booking"))
    }

    /// How a booking stands.
    pub async fn look(&self, booking_id: &str) -> Result<Booking, Status> {
        let request = GetBookingRequest { booking_id: booking_id.to_owned() };
        Ok(self.booking().get_booking(request).await?.into_inner().booking.expect("a booking"))
    }

    /// All messages, newest first.
    pub async fn messages(&self) -> Result<Vec<Notification>, Status> {
        let request = ListNotificationsRequest { page_size: 200, ..Default::default() };
        Ok(self.notification().list_notifications(request).await?.into_inner().notifications)
    }
}

/// The operator.
pub struct Office {
    way: Way,
}

impl Office {
    /// The operator of the demo mall.
    pub fn new(up: &Up) -> Self {
        Self { way: way(up.gateway(), &up.token("operator")) }
    }

    pub fn payment(&self) -> PaymentServiceClient<Way> {
        PaymentServiceClient::new(self.way.clone())
    }

    /// The sensor of a spot.
    pub async fn sensor(&self, spot_id: &str) -> Result<Sensor, Status> {
        let request = GetSpotOccupancyRequest { spot_id: spot_id.to_owned() };
        let mut client = SensorServiceClient::new(self.way.clone());
        Ok(client.get_spot_occupancy(request).await?.into_inner().sensor.unwrap_or_default())
    }
}
