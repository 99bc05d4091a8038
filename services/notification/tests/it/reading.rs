use parkmesh_contracts::notification::v1::{ListNotificationsRequest, MarkReadRequest};
use parkmesh_platform::fault::reason_of;

use crate::world::{World, by};

#[tokio::test]
async fn a_list_shows_own_messages_newest_first_page_by_page() {
    let world = World::new().await;
    for _ in 0..3 {
        world.reserved(world.ids.next()).await;
    }
    let mut all = world.messages("anna", 3).await;
    all.reverse();
    assert!(world.list("eve").await.is_empty());

    let (anna, eve) = (world.tokens.driver("anna"), world.tokens.driver("eve"));
    let mut client = world.client.clone();
    let mut request =
        ListNotificationsRequest { page_size: 2, ..ListNotificationsRequest::default() };
    let first = client.list_notifications(by(&anna, request.clone())).await.unwrap().into_inner();
    assert_eq!(first.notifications, all[..2]);
    request.page_token = first.next_page_token;
    let second = client.list_notifications(by(&anna, request.clone())).await.unwrap().into_inner();
    assert_eq!((&second.notifications[..], second.next_page_token.as_str()), (&all[2..], ""));

    let of_another = client.list_notifications(by(&eve, request.clone())).await;
    request.unread_only = true;
    let of_another_list = client.list_notifications(by(&anna, request)).await;
    for refused in [of_another, of_another_list] {
        assert_eq!(reason_of(&refused.unwrap_err()).as_deref(), Some("PAGE_TOKEN_INVALID"));
    }
}

#[tokio::test]
async fn a_message_is_marked_as_read_once_and_by_its_owner_only() {
    let world = World::new().await;
    world.reserved(world.ids.next()).await;
    world.reserved(world.ids.next()).await;
    let all = world.messages("anna", 2).await;
    let ids = vec![all[0].notification_id.clone()];
    let mut client = world.client.clone();
    for (user, marked) in [("eve", 0), ("anna", 1), ("anna", 0)] {
        let request = MarkReadRequest { notification_ids: ids.clone() };
        let answer = client.mark_read(by(&world.tokens.driver(user), request)).await.unwrap();
        assert_eq!(answer.into_inner().marked, marked, "{user}");
    }
    let unread = ListNotificationsRequest { unread_only: true, ..Default::default() };
    let request = by(&world.tokens.driver("anna"), unread);
    let left = client.list_notifications(request).await.unwrap().into_inner().notifications;
    assert_eq!(left, all[1..]);
    assert!(world.list("anna").await[1].read_time.is_some());
}

#[tokio::test]
async fn a_kiosk_sees_nobodys_messages() {
    let world = World::new().await;
    let request = by(&world.tokens.kiosk(world.lot), ListNotificationsRequest::default());
    let refused = world.client.clone().list_notifications(request).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::PermissionDenied);
}

#[tokio::test]
async fn a_request_that_breaks_a_rule_is_refused() {
    let world = World::new().await;
    let anna = world.tokens.driver("anna");
    let mut client = world.client.clone();
    for notification_ids in [vec![], vec!["nonsense".to_owned()]] {
        let refused = client.mark_read(by(&anna, MarkReadRequest { notification_ids })).await;
        assert_eq!(reason_of(&refused.unwrap_err()).as_deref(), Some("ARGUMENT_INVALID"));
    }
}
