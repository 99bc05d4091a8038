/** The services that the driver's part calls. */

import { AvailabilityService } from "../gen/parkmesh/availability/v1/availability_service_pb";
import { BookingService } from "../gen/parkmesh/booking/v1/booking_service_pb";
import { DiscountService } from "../gen/parkmesh/booking/v1/discount_service_pb";
import { InventoryService } from "../gen/parkmesh/booking/v1/inventory_service_pb";
import { NotificationService } from "../gen/parkmesh/notification/v1/notification_service_pb";
import { PaymentService } from "../gen/parkmesh/payment/v1/payment_service_pb";
import { client } from "../lib/client";

export const availability = client(AvailabilityService);
export const booking = client(BookingService);
export const discount = client(DiscountService);
export const inventory = client(InventoryService);
export const notification = client(NotificationService);
export const payment = client(PaymentService);
