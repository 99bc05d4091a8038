//! A row for each method of the contracts: what is asked, whose it is, and who may.

/// Whose thing a request names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// Nobody's: whoever has the scope sees it.
    Everybodys,
    /// It names nothing: each sees what is their own.
    Own,
    /// Anna's. Nobody else's with the same scopes, and no other operator's.
    Annas,
    /// A lot of Olga's. Not for other operators, nor for Olga with a token for another lot.
    Olgas,
    /// For services of ours only.
    Inside,
}

/// `$name` stands for what [`super::world`] has made.
pub struct Row {
    pub method: &'static str,
    pub whose: Whose,
    /// Who may.
    pub right: &'static str,
    pub request: &'static str,
}

const fn row(
    method: &'static str,
    whose: Whose,
    right: &'static str,
    request: &'static str,
) -> Row {
    Row { method, whose, right, request }
}

use Whose::{Annas, Everybodys, Inside, Olgas, Own};

/// In this order: what ends a thing stands after what looks at it.
pub const ROWS: &[Row] = &[
    // What there is: for everybody with the scope.
    row("availability.v1.AvailabilityService/FindLots", Everybodys, "anna", r#"{"text": "Demo"}"#),
    row(
        "availability.v1.AvailabilityService/GetAvailability",
        Everybodys,
        "anna",
        r#"{"lotId": "$lot"}"#,
    ),
    row(
        "availability.v1.AvailabilityService/ForecastAvailability",
        Everybodys,
        "anna",
        r#"{"lotId": "$lot", "arriveTime": "$from"}"#,
    ),
    row(
        "availability.v1.AvailabilityService/ListSpotStates",
        Everybodys,
        "anna",
        r#"{"lotId": "$lot", "pageSize": 10}"#,
    ),
    row(
        "availability.v1.AvailabilityService/SearchAvailability",
        Everybodys,
        "anna",
        r#"{"lotId": "$lot", "window": $window, "spotType": 1, "pageSize": 10}"#,
    ),
    row(
        "availability.v1.AvailabilityService/WatchAvailability",
        Everybodys,
        "anna",
        r#"{"lotId": "$lot"}"#,
    ),
    row(
        "availability.v1.AvailabilityService/GetOccupancyReport",
        Olgas,
        "olga",
        r#"{"lotId": "$lot", "window": $past, "stepMinutes": 60}"#,
    ),
    row("booking.v1.InventoryService/GetLot", Everybodys, "anna", r#"{"lotId": "$lot"}"#),
    row("booking.v1.InventoryService/ListLots", Everybodys, "anna", "{}"),
    row("booking.v1.InventoryService/GetTariff", Everybodys, "anna", r#"{"lotId": "$lot"}"#),
    row("booking.v1.InventoryService/ListTariffs", Everybodys, "anna", r#"{"lotId": "$lot"}"#),
    row("booking.v1.InventoryService/ListFloors", Everybodys, "anna", r#"{"lotId": "$lot"}"#),
    row("booking.v1.InventoryService/GetFloor", Everybodys, "anna", r#"{"floorId": "$floor"}"#),
    row(
        "booking.v1.InventoryService/ListSpots",
        Everybodys,
        "anna",
        r#"{"lotId": "$lot", "pageSize": 10}"#,
    ),
    row("booking.v1.InventoryService/GetSpot", Everybodys, "anna", r#"{"spotId": "$spot"}"#),
    row("booking.v1.InventoryService/ListClosures", Everybodys, "anna", r#"{"lotId": "$lot"}"#),
    row(
        "booking.v1.InventoryService/GetAllotment",
        Everybodys,
        "anna",
        r#"{"allotmentId": "$allotment"}"#,
    ),
    row("booking.v1.InventoryService/ListAllotments", Everybodys, "anna", r#"{"lotId": "$lot"}"#),
    row(
        "booking.v1.BookingService/QuoteBooking",
        Everybodys,
        "anna",
        r#"{"lotId": "$lot", "window": $window}"#,
    ),
    // A lot and what is in it: its operator's.
    row(
        "booking.v1.InventoryService/CreateLot",
        Own,
        "olga",
        r#"{"requestId": "$request", "name": "Matrix", "timeZone": "Europe/Berlin", "hourlyRate": $price}"#,
    ),
    row(
        "booking.v1.InventoryService/UpdateLot",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "lotId": "$lot", "version": "$lot_version", "updateMask": "address", "address": "Ring 1"}"#,
    ),
    row(
        "booking.v1.InventoryService/CreateTariff",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "lotId": "$lot", "rules": {"stepMinutes": 60, "stepPrice": $price}}"#,
    ),
    row(
        "booking.v1.InventoryService/CreateFloor",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "lotId": "$lot", "floorNumber": 9, "name": "Nine"}"#,
    ),
    row(
        "booking.v1.InventoryService/UpdateFloor",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "floorId": "$floor", "version": "$floor_version", "updateMask": "name", "name": "Below"}"#,
    ),
    row(
        "booking.v1.InventoryService/BatchCreateSpots",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "floorId": "$floor", "spots": [{"spotNumber": "M-1", "spotType": 1}]}"#,
    ),
    row(
        "booking.v1.InventoryService/ImportSpots",
        Olgas,
        "olga",
        r#"{"begin": {"requestId": "$request", "lotId": "$lot"}}"#,
    ),
    row(
        "booking.v1.InventoryService/UpdateSpot",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "spotId": "$idle_spot", "version": "$idle_version", "updateMask": "planX", "planX": 1.5}"#,
    ),
    row(
        "booking.v1.InventoryService/SetSpotStatus",
        Olgas,
        "olga",
        r#"{"spotId": "$closed_spot", "outOfService": true, "version": "$closed_version"}"#,
    ),
    row(
        "booking.v1.InventoryService/CreateClosure",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "lotId": "$lot", "spotId": "$idle_spot", "window": $late, "reason": "paint", "treatment": 1}"#,
    ),
    row(
        "booking.v1.InventoryService/DeleteClosure",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "closureId": "$closure"}"#,
    ),
    row(
        "booking.v1.InventoryService/CreateAllotment",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "lotId": "$lot", "name": "Fair", "window": $late, "capacity": 3, "ticketPrice": $price}"#,
    ),
    row(
        "booking.v1.DiscountService/CreateDiscount",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "lotId": "$lot", "promoCode": {"code": "$code"}, "basisPoints": 1000}"#,
    ),
    row("booking.v1.DiscountService/ListDiscounts", Olgas, "olga", r#"{"lotId": "$lot"}"#),
    row(
        "booking.v1.DiscountService/ListReductions",
        Olgas,
        "olga",
        r#"{"discountId": "$merchant"}"#,
    ),
    row(
        "booking.v1.DiscountService/ValidateParking",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "discountId": "$merchant", "bookingId": "$reserved"}"#,
    ),
    row(
        "booking.v1.DiscountService/EndDiscount",
        Olgas,
        "olga",
        r#"{"requestId": "$request", "discountId": "$merchant"}"#,
    ),
    row("booking.v1.InventoryService/ListAuditEntries", Olgas, "olga", r#"{"lotId": "$lot"}"#),
    row(
        "booking.v1.InventoryService/StreamInventory",
        Inside,
        "availability",
        r#"{"lotId": "$lot"}"#,
    ),
    row("booking.v1.BookingService/ListSpotTimeline", Olgas, "olga", r#"{"spotId": "$spot"}"#),
    row(
        "sensor.v1.SensorService/RegisterSensors",
        Olgas,
        "olga",
        r#"{"lotId": "$lot", "sensors": [{"deviceId": "matrix-1", "spotId": "$idle_spot", "floorId": "$floor", "model": "placepod"}]}"#,
    ),
    row("sensor.v1.SensorService/ListSensors", Olgas, "olga", r#"{"lotId": "$lot"}"#),
    row("sensor.v1.SensorService/GetSpotOccupancy", Olgas, "olga", r#"{"spotId": "$spot"}"#),
    row("sensor.v1.SensorService/WatchOccupancy", Olgas, "olga", r#"{"lotId": "$lot"}"#),
    row("sensor.v1.SensorService/ListQuarantine", Own, "olga", "{}"),
    row("sensor.v1.SensorService/ListDiscrepancies", Olgas, "olga", r#"{"lotId": "$lot"}"#),
    row(
        "sensor.v1.SensorService/SubmitPlateRead",
        Olgas,
        "camera",
        r#"{"requestId": "$request", "lotId": "$lot", "gateId": "north", "direction": 1, "plate": "B MX 7", "readTime": "$now"}"#,
    ),
    row(
        "sensor.v1.SensorService/WatchPassages",
        Olgas,
        "camera",
        r#"{"lotId": "$lot", "gateId": "north"}"#,
    ),
    row(
        "sensor.v1.SensorService/AcknowledgePassage",
        Olgas,
        "camera",
        r#"{"requestId": "$request", "lotId": "$lot", "plateReadId": "$plate_read", "opened": true}"#,
    ),
    row(
        "sensor.v1.SensorService/StreamReadings",
        Olgas,
        "device",
        r#"{"batch": 1, "readings": [{"deviceId": "$device", "occupied": true, "receiveTime": "$now"}]}"#,
    ),
    row(
        "sensor.v1.SensorService/ResolveDevices",
        Inside,
        "sensor-bridge",
        r#"{"deviceIds": ["$device"]}"#,
    ),
    row("sensor.v1.SensorService/StreamOccupancy", Inside, "availability", r#"{"lotId": "$lot"}"#),
    row(
        "payment.v1.PaymentService/GetRevenueReport",
        Olgas,
        "olga",
        r#"{"lotId": "$lot", "firstDate": "$date", "lastDate": "$date", "timeZone": "Europe/Berlin"}"#,
    ),
    row(
        "payment.v1.PaymentService/GetPayoutStatement",
        Own,
        "olga",
        r#"{"currency": "EUR", "firstDate": "$date", "lastDate": "$date"}"#,
    ),
    row("payment.v1.PaymentService/GetLedger", Annas, "olga", r#"{"paymentId": "$payment"}"#),
    // A driver's own.
    row(
        "booking.v1.BookingService/HoldSpot",
        Own,
        "anna",
        r#"{"requestId": "$request", "pool": {"lotId": "$lot", "spotType": 1}, "window": $window}"#,
    ),
    row(
        "booking.v1.BookingService/CreateBooking",
        Own,
        "anna",
        r#"{"requestId": "$request", "pool": {"lotId": "$lot", "spotType": 1}, "window": $window, "paymentMethod": "pm_card_ok"}"#,
    ),
    row(
        "booking.v1.BookingService/CreateBookingSeries",
        Own,
        "anna",
        r#"{"requestId": "$request", "pool": {"lotId": "$lot", "spotType": 1}, "rule": {"weekdays": [1], "startMinute": 480, "endMinute": 540, "firstDate": "$week", "lastDate": "$week_end"}, "paymentMethod": "pm_card_ok"}"#,
    ),
    row(
        "booking.v1.BookingService/ReserveTicket",
        Own,
        "anna",
        r#"{"requestId": "$request", "allotmentId": "$allotment"}"#,
    ),
    row(
        "booking.v1.BookingService/StartWalkIn",
        Own,
        "anna",
        r#"{"requestId": "$request", "pool": {"lotId": "$lot", "spotType": 1}, "endTime": "$to", "paymentMethod": "pm_card_ok"}"#,
    ),
    row("booking.v1.BookingService/ListBookings", Own, "anna", "{}"),
    row("booking.v1.BookingService/ListBookings", Olgas, "olga", r#"{"lotId": "$lot"}"#),
    row("booking.v1.BookingService/ListWaitlist", Olgas, "olga", r#"{"lotId": "$lot"}"#),
    row(
        "notification.v1.NotificationService/ListDeliveries",
        Olgas,
        "olga",
        r#"{"lotId": "$lot"}"#,
    ),
    row(
        "booking.v1.BookingService/JoinWaitlist",
        Own,
        "anna",
        r#"{"requestId": "$request", "pool": {"lotId": "$lot", "spotType": 3}, "window": $window}"#,
    ),
    row("booking.v1.BookingService/ListWaitlist", Own, "anna", "{}"),
    row("booking.v1.BookingService/GetBooking", Annas, "anna", r#"{"bookingId": "$reserved"}"#),
    row("booking.v1.BookingService/WatchBooking", Annas, "anna", r#"{"bookingId": "$reserved"}"#),
    row(
        "booking.v1.BookingService/ListBookingTimeline",
        Annas,
        "anna",
        r#"{"bookingId": "$reserved"}"#,
    ),
    row(
        "booking.v1.DiscountService/RedeemPromoCode",
        Annas,
        "anna",
        r#"{"requestId": "$request", "bookingId": "$held", "code": "$code"}"#,
    ),
    row(
        "booking.v1.BookingService/ConfirmBooking",
        Annas,
        "anna",
        r#"{"requestId": "$request", "bookingId": "$held", "paymentMethod": "pm_card_ok"}"#,
    ),
    row(
        "booking.v1.BookingService/ExtendBooking",
        Annas,
        "anna",
        r#"{"requestId": "$request", "bookingId": "$reserved", "endTime": "$later", "paymentMethod": "pm_card_ok"}"#,
    ),
    row(
        "booking.v1.BookingService/MoveBooking",
        Annas,
        "anna",
        r#"{"requestId": "$request", "bookingId": "$second", "window": $window, "paymentMethod": "pm_card_ok"}"#,
    ),
    row(
        "booking.v1.BookingService/ClaimSpot",
        Annas,
        "anna",
        r#"{"requestId": "$request", "bookingId": "$reserved", "spotId": "$spot"}"#,
    ),
    row(
        "booking.v1.BookingService/CheckIn",
        Annas,
        "anna",
        r#"{"requestId": "$request", "bookingId": "$reserved"}"#,
    ),
    row(
        "booking.v1.BookingService/EndSession",
        Annas,
        "anna",
        r#"{"requestId": "$request", "bookingId": "$reserved"}"#,
    ),
    row(
        "booking.v1.BookingService/LeaveWaitlist",
        Annas,
        "anna",
        r#"{"requestId": "$request", "entryId": "$entry"}"#,
    ),
    row(
        "booking.v1.BookingService/CancelBooking",
        Annas,
        "anna",
        r#"{"requestId": "$request", "bookingId": "$second"}"#,
    ),
    row("booking.v1.BookingService/GetErasure", Everybodys, "erin", r#"{"erasureId": "$erasure"}"#),
    row(
        "booking.v1.BookingService/EraseUser",
        Annas,
        "erin",
        r#"{"requestId": "$request", "userId": "erin"}"#,
    ),
    row("notification.v1.NotificationService/ListNotifications", Own, "anna", "{}"),
    row("notification.v1.NotificationService/WatchNotifications", Own, "anna", "{}"),
    row("notification.v1.NotificationService/GetPreferences", Own, "anna", "{}"),
    row(
        "notification.v1.NotificationService/UpdatePreferences",
        Own,
        "anna",
        r#"{"requestId": "$request", "updateMask": "language", "preferences": {"language": 1}}"#,
    ),
    row("notification.v1.NotificationService/ListDeliveries", Own, "anna", "{}"),
    row(
        "notification.v1.NotificationService/MarkRead",
        Own,
        "anna",
        r#"{"notificationIds": ["$notification"]}"#,
    ),
    row(
        "notification.v1.NotificationService/ResendDelivery",
        Annas,
        "nobody",
        r#"{"requestId": "$request", "deliveryId": "$request"}"#,
    ),
    row(
        "payment.v1.PaymentService/CreatePaymentMethod",
        Own,
        "anna",
        r#"{"requestId": "$request", "token": "pm_card_ok"}"#,
    ),
    row("payment.v1.PaymentService/ListPaymentMethods", Own, "anna", "{}"),
    row("payment.v1.PaymentService/ListPayments", Own, "anna", "{}"),
    row("payment.v1.PaymentService/GetPayment", Annas, "anna", r#"{"paymentId": "$payment"}"#),
    row("payment.v1.PaymentService/GetReceipt", Annas, "anna", r#"{"bookingId": "$receipted"}"#),
    row(
        "payment.v1.PaymentService/AuthorizePayment",
        Inside,
        "booking",
        r#"{"requestId": "$request", "bookingId": "$request", "lotId": "$lot", "userId": "anna", "amount": $price, "paymentMethod": "pm_card_ok"}"#,
    ),
    row(
        "payment.v1.PaymentService/CapturePayment",
        Annas,
        "olga",
        r#"{"paymentId": "$payment", "amount": $price}"#,
    ),
    row(
        "payment.v1.PaymentService/RefundPayment",
        Annas,
        "olga",
        r#"{"requestId": "$request", "paymentId": "$payment", "amount": $cent, "reason": "matrix"}"#,
    ),
    row(
        "payment.v1.PaymentService/RetryPayment",
        Annas,
        "anna",
        r#"{"requestId": "$request", "paymentId": "$payment", "paymentMethod": "pm_card_ok"}"#,
    ),
    row("payment.v1.PaymentService/VoidPayment", Annas, "olga", r#"{"paymentId": "$payment"}"#),
    row(
        "payment.v1.PaymentService/DeletePaymentMethod",
        Annas,
        "anna",
        r#"{"paymentMethodId": "$card"}"#,
    ),
];
