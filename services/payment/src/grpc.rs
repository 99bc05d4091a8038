//! The door: unpack, one call, wrap. It decides nothing.

use parkmesh_contracts::ids::{BookingId, PaymentId};
use parkmesh_contracts::payment::v1 as proto;
use parkmesh_contracts::payment::v1::payment_service_server::PaymentService;
use parkmesh_contracts::validate::Validate;
use parkmesh_platform::auth::Caller;
use parkmesh_platform::fault::check;
use parkmesh_platform::page::{self, List};
use tonic::{Request, Response, Status};

use crate::app::{Access, App, AskMethod, AskRetry};
use crate::convert;
use crate::convert::page::page;
use crate::convert::statement_page::page as statement_page;
use crate::error::Error;

/// Rows to a page when the caller does not say.
const PAGE_DEFAULT: usize = 50;
/// Rows to a page at most.
const PAGE_MAX: usize = 200;

/// Answers for the service.
#[derive(Clone)]
pub struct Door(pub(crate) App);

/// Checks a request, and tells what its caller may reach.
async fn enter<M: Validate>(app: &App, request: Request<M>) -> Result<(Access, M), Status> {
    let caller = Caller::of(&request)?.clone();
    let message = request.into_inner();
    check(&message).map_err(Error::from)?;
    Ok((app.access(&caller).await?, message))
}

#[tonic::async_trait]
impl PaymentService for Door {
    async fn authorize_payment(
        &self,
        request: Request<proto::AuthorizePaymentRequest>,
    ) -> Result<Response<proto::AuthorizePaymentResponse>, Status> {
        let (_, message) = enter(&self.0, request).await?;
        let payment = self.0.authorize(message.try_into()?).await?;
        let payment = Some(convert::asked(payment));
        Ok(Response::new(proto::AuthorizePaymentResponse { payment }))
    }

    async fn capture_payment(
        &self,
        request: Request<proto::CapturePaymentRequest>,
    ) -> Result<Response<proto::CapturePaymentResponse>, Status> {
        let (access, message) = enter(&self.0, request).await?;
        let payment_id = convert::id("payment_id", &message.payment_id)?;
        let amount = convert::amount(message.amount.as_ref())?;
        let payment = self.0.capture(access, payment_id, amount).await?;
        Ok(Response::new(proto::CapturePaymentResponse { payment: Some(payment.into()) }))
    }

    async fn void_payment(
        &self,
        request: Request<proto::VoidPaymentRequest>,
    ) -> Result<Response<proto::VoidPaymentResponse>, Status> {
        let (access, message) = enter(&self.0, request).await?;
        let payment_id = convert::id("payment_id", &message.payment_id)?;
        let payment = self.0.void(access, payment_id).await?;
        Ok(Response::new(proto::VoidPaymentResponse { payment: Some(payment.into()) }))
    }

    async fn refund_payment(
        &self,
        request: Request<proto::RefundPaymentRequest>,
    ) -> Result<Response<proto::RefundPaymentResponse>, Status> {
        let (access, message) = enter(&self.0, request).await?;
        let refund = self.0.refund(access, message.try_into()?).await?;
        Ok(Response::new(proto::RefundPaymentResponse { refund: Some(refund.into()) }))
    }

    async fn retry_payment(
        &self,
        request: Request<proto::RetryPaymentRequest>,
    ) -> Result<Response<proto::RetryPaymentResponse>, Status> {
        let user_id = Caller::of(&request)?.subject.clone();
        let (_, message) = enter(&self.0, request).await?;
        let request_id = convert::id("request_id", &message.request_id)?;
        let payment_id = convert::id("payment_id", &message.payment_id)?;
        let payment_method = message.payment_method;
        let asked = AskRetry { request_id, user_id, payment_id, payment_method };
        let payment = self.0.retry(asked).await?;
        Ok(Response::new(proto::RetryPaymentResponse { payment: Some(payment.into()) }))
    }

    async fn get_payment(
        &self,
        request: Request<proto::GetPaymentRequest>,
    ) -> Result<Response<proto::GetPaymentResponse>, Status> {
        let (access, message) = enter(&self.0, request).await?;
        let payment_id = convert::id("payment_id", &message.payment_id)?;
        let (payment, refunds) = self.0.get_with_refunds(&access, payment_id).await?;
        Ok(Response::new(proto::GetPaymentResponse {
            payment: Some(payment.into()),
            refunds: refunds.into_iter().map(Into::into).collect(),
        }))
    }

    async fn list_payments(
        &self,
        request: Request<proto::ListPaymentsRequest>,
    ) -> Result<Response<proto::ListPaymentsResponse>, Status> {
        let caller = Caller::of(&request)?.subject.clone();
        let (_, message) = enter(&self.0, request).await?;
        let booking_id: Option<BookingId> = match message.booking_id.as_str() {
            "" => None,
            text => Some(convert::id("booking_id", text)?),
        };
        let list = List::of("ListPayments", &caller, &[&message.booking_id]);
        let below: Option<PaymentId> = list.after(&message.page_token).map_err(Error::from)?;
        let size = page::size(message.page_size, PAGE_DEFAULT, PAGE_MAX);
        let found = self.0.list(&caller, booking_id, below, size + 1).await?;
        let (found, next_page_token) = list.cut(found, size, |last| last.payment_id);
        let payments = found.into_iter().map(Into::into).collect();
        Ok(Response::new(proto::ListPaymentsResponse { payments, next_page_token }))
    }

    async fn get_receipt(
        &self,
        request: Request<proto::GetReceiptRequest>,
    ) -> Result<Response<proto::GetReceiptResponse>, Status> {
        let (access, message) = enter(&self.0, request).await?;
        let booking_id = convert::id("booking_id", &message.booking_id)?;
        let language = convert::page_language(message.page_language());
        let mut answer = proto::GetReceiptResponse::default();
        for receipt in self.0.receipts(&access, booking_id).await? {
            let page = language.map(|language| page(&receipt, language)).unwrap_or_default();
            match receipt.overstay {
                true => {
                    (answer.overstay_receipt, answer.overstay_page) = (Some(receipt.into()), page)
                }
                false => (answer.receipt, answer.page) = (Some(receipt.into()), page),
            }
        }
        Ok(Response::new(answer))
    }

    async fn get_ledger(
        &self,
        request: Request<proto::GetLedgerRequest>,
    ) -> Result<Response<proto::GetLedgerResponse>, Status> {
        let (access, message) = enter(&self.0, request).await?;
        let payment_id = convert::id("payment_id", &message.payment_id)?;
        let entries = self.0.ledger(&access, payment_id).await?;
        let entries = entries.into_iter().map(|entry| convert::entry(payment_id, entry)).collect();
        Ok(Response::new(proto::GetLedgerResponse { entries }))
    }

    async fn create_payment_method(
        &self,
        request: Request<proto::CreatePaymentMethodRequest>,
    ) -> Result<Response<proto::CreatePaymentMethodResponse>, Status> {
        let user_id = Caller::of(&request)?.subject.clone();
        let (_, message) = enter(&self.0, request).await?;
        let request_id = convert::id("request_id", &message.request_id)?;
        let asked = AskMethod { user_id, request_id, token: message.token };
        let method = self.0.create_method(asked).await?;
        let payment_method = Some(method.into());
        Ok(Response::new(proto::CreatePaymentMethodResponse { payment_method }))
    }

    async fn list_payment_methods(
        &self,
        request: Request<proto::ListPaymentMethodsRequest>,
    ) -> Result<Response<proto::ListPaymentMethodsResponse>, Status> {
        let methods = self.0.list_methods(&Caller::of(&request)?.subject).await?;
        let payment_methods = methods.into_iter().map(Into::into).collect();
        Ok(Response::new(proto::ListPaymentMethodsResponse { payment_methods }))
    }

    async fn delete_payment_method(
        &self,
        request: Request<proto::DeletePaymentMethodRequest>,
    ) -> Result<Response<proto::DeletePaymentMethodResponse>, Status> {
        let user_id = Caller::of(&request)?.subject.clone();
        let (_, message) = enter(&self.0, request).await?;
        let method_id = convert::id("payment_method_id", &message.payment_method_id)?;
        self.0.delete_method(&user_id, method_id).await?;
        Ok(Response::new(proto::DeletePaymentMethodResponse {}))
    }

    async fn get_revenue_report(
        &self,
        request: Request<proto::GetRevenueReportRequest>,
    ) -> Result<Response<proto::GetRevenueReportResponse>, Status> {
        let (access, message) = enter(&self.0, request).await?;
        let report = self.0.revenue(&access, &message.try_into()?).await?;
        Ok(Response::new(report.map(Into::into).unwrap_or_default()))
    }

    async fn get_payout_statement(
        &self,
        request: Request<proto::GetPayoutStatementRequest>,
    ) -> Result<Response<proto::GetPayoutStatementResponse>, Status> {
        let (access, message) = enter(&self.0, request).await?;
        let language = convert::page_language(message.page_language());
        let statement = self.0.statement(&access, message.try_into()?).await?;
        let page = language.map(|language| statement_page(&statement, language));
        Ok(Response::new(proto::GetPayoutStatementResponse {
            statement: Some(statement.into()),
            page: page.unwrap_or_default(),
        }))
    }
}
