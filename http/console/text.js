// The texts of the console, in English and in Korean. The language is the browser's, unless the
// switch was used.

const storedName = "paymentd.language";

const texts = {
  "skip": ["Skip to the page", "본문으로 건너뛰기"],
  "nav": ["Pages", "메뉴"],
  "nav.overview": ["Overview", "현황"],
  "nav.orders": ["Orders", "주문"],
  "nav.failed": ["Failed messages", "실패한 메시지"],
  "nav.users": ["Users", "사용자"],
  "nav.webhooks": ["Webhooks", "웹훅"],
  "search": ["Search", "검색"],
  "search.hint": ["Reference, id or phone", "참조 번호, ID 또는 전화번호"],
  "search.for": ["Search for “{text}”", "“{text}” 검색 결과"],
  "search.nothing": [
    "Nothing has this reference, id or phone. References are looked for as a whole.",
    "이 참조 번호, ID 또는 전화번호와 일치하는 항목이 없습니다. 참조 번호는 전체가 일치해야 합니다."],
  "language": ["한국어", "English"],
  "language.label": ["한국어로 보기", "Show in English"],
  "show": ["Show", "조회"],
  "cancel": ["Cancel", "취소"],
  "again": ["Try again", "다시 시도"],
  "none.here": ["There is nothing here.", "항목이 없습니다."],
  "next.page": ["Next page", "다음 페이지"],
  "more.work": [
    "The server looked at many items and found none on this page. Go on to the next one.",
    "많은 항목을 확인했지만 이 페이지에는 일치하는 것이 없습니다. 다음 페이지로 넘어가세요."],
  "page.missing": ["There is no such page.", "없는 페이지입니다."],

  "fault": ["It did not work", "처리하지 못했습니다"],
  "fault.unreachable": ["The server does not answer", "서버가 응답하지 않습니다"],
  "fault.key": ["The server wants another API key", "다른 API 키가 필요합니다"],
  "fault.scope": ["The API key lacks the scope {scope}", "API 키에 {scope} 권한이 없습니다"],
  // In English the server's own words, which follow, say the same.
  "fault.database_unavailable": ["", "데이터베이스가 응답하지 않습니다. 아무것도 처리되지 않았습니다"],
  "fault.overloaded": ["", "서버가 너무 바쁩니다. 아무것도 처리되지 않았습니다"],
  "fault.shutting_down": ["", "서버를 종료하는 중입니다. 아무것도 처리되지 않았습니다"],
  "fault.rate_limited": ["", "요청이 너무 많습니다. 잠시 후 다시 시도하세요"],
  "fault.not_found": ["", "찾을 수 없습니다"],
  "fault.order_not_found": ["", "그런 주문이 없습니다"],
  "fault.user_not_found": ["", "그런 사용자가 없습니다"],
  "fault.unknown": [
    "There was no answer within 2 seconds: it may have happened. Look again",
    "2초 안에 응답이 없었습니다. 처리되었을 수 있으니 다시 확인하세요"],

  "key.open": ["API key", "API 키"],
  "key.title": ["API key", "API 키"],
  "key.help": [
    "The server wants an API key with the scope operate. It stays in this tab. A duplicate of the tab has it too, and the browser may keep it to restore the tab: use “Forget the key” at the end, and make keys with --expires.",
    "operate 권한이 있는 API 키가 필요합니다. 키는 이 탭에 보관됩니다. 탭을 복제하면 함께 복사되고, 브라우저가 탭을 복원하려고 남겨 둘 수도 있습니다. 다 쓰면 ‘키 지우기’를 누르고, 키를 만들 때 --expires를 쓰세요."],
  "key.make": ["Make one on the server: paymentd keys create console --scopes operate", "서버에서 만들기: paymentd keys create console --scopes operate"],
  "key.beyond": [
    "Where admin.listen is beyond this machine and the settings name no http.api_keys_file, no key will do.",
    "admin.listen이 이 컴퓨터 밖에서 열려 있고 설정에 http.api_keys_file이 없으면 어떤 키로도 사용할 수 없습니다."],
  "key.use": ["Use this key", "이 키 사용"],
  "key.forget": ["Forget the key", "키 지우기"],
  "key.bad": ["A key begins with pmd_ and has letters and digits alone.", "키는 pmd_로 시작하며 영문자와 숫자로만 되어 있습니다."],
  "key.forgotten": ["The key is forgotten.", "키를 지웠습니다."],

  "unit.d": ["d", "일"],
  "unit.h": ["h", "시간"],
  "unit.min": ["min", "분"],
  "unit.s": ["s", "초"],

  "state.PAID": ["PAID", "결제 완료 (PAID)"],
  "state.PENDING": ["PENDING", "대기 (PENDING)"],
  "state.CANCELLED": ["CANCELLED", "취소 (CANCELLED)"],
  "state.REFUNDED": ["REFUNDED", "환불 (REFUNDED)"],
  "state.DELIVERED": ["DELIVERED", "전달 (DELIVERED)"],
  "state.FAILED": ["FAILED", "실패 (FAILED)"],
  "state.running": ["running", "정상"],
  "state.backing_off": ["waiting to restart", "재시작 대기"],
  "state.degraded": ["degraded", "장애"],
  "state.ok": ["ok", "정상"],
  "state.starting": ["starting", "시작 중"],
  "state.unavailable": ["unavailable", "사용 불가"],
  "state.clean": ["clean", "위반 없음"],
  "state.on": ["on", "사용"],
  "state.paused": ["paused", "일시 중지"],

  "overview": ["Overview", "현황"],
  "overview.payments": ["Payments a second", "초당 결제"],
  "overview.p99": ["99 % of payments within", "결제의 99%가 끝나는 시간"],
  "overview.commands": ["Commands settled a second", "초당 처리 명령"],
  "overview.faults": ["Answers 5xx to clients a minute", "분당 클라이언트 5xx 응답"],
  "overview.backlog": ["Messages to come", "보낼 메시지"],
  "overview.settlement": ["Settlement", "결제 처리"],
  "overview.reads": ["Reads", "조회"],
  "overview.paused": ["Webhooks paused", "중지된 웹훅"],
  "overview.disk": ["Room on the disk", "디스크 여유"],
  "overview.process": ["This process", "이 프로세스"],
  "overview.up": ["{version}, up for {time}", "{version}, 가동 {time}"],
  "overview.chart": ["Payments a second over the last three minutes, at most {most}", "최근 3분간 초당 결제, 최대 {most}"],
  "overview.scope": [
    "Rates are those of this process alone, over the last ten seconds; the 99 % over the last minute. Single payments (POST /v1/payments) are counted; commands count all.",
    "속도는 이 프로세스만의 최근 10초 값이며, 99%는 최근 1분 값입니다. 결제는 단건(POST /v1/payments)만 세고, 명령은 모두 셉니다."],
  "overview.lost": ["No figures since {time}: {why}", "{time}부터 값을 받지 못했습니다: {why}"],
  "audit": ["Last audit", "최근 감사"],
  "audit.how": [
    "paymentd audit checks the database beside the server, prints a line for each breach, and notes its result here.",
    "paymentd audit은 서버가 동작하는 중에 데이터베이스를 검사해 위반마다 한 줄씩 출력하고, 결과를 여기에 남깁니다."],
  "audit.never": ["There was no audit yet.", "아직 감사한 적이 없습니다."],
  "audit.key": ["An API key with the scope operate shows the last audit.", "최근 감사 결과를 보려면 operate 권한이 있는 API 키가 필요합니다."],
  "audit.found": ["Found", "결과"],
  "audit.breaches": ["breaches: {count}", "위반 {count}건"],
  "audit.when": ["Began", "시작"],
  "audit.ago": ["{time} ago", "{time} 전"],
  "audit.took": ["Took", "걸린 시간"],
  "audit.looked": ["Looked at", "검사한 항목"],
  "audit.looked.at": ["{entries} ledger entries, {orders} orders", "원장 항목 {entries}개, 주문 {orders}개"],
  "audit.version": ["Program", "프로그램"],
  "audit.clean": ["Last clean audit", "위반이 없던 최근 감사"],
  "audit.clean.never": ["none yet", "없음"],
  "audit.more": ["and {count} more: run it again to see all", "외 {count}건: 모두 보려면 다시 실행하세요"],
  "subscribers": ["Subscribers", "구독자"],
  "subscriber": ["Subscriber", "구독자"],
  "subscriber.state": ["State", "상태"],
  "subscriber.backlog": ["To come", "보낼 것"],
  "subscriber.oldest": ["Oldest", "가장 오래된 것"],
  "subscriber.rate": ["Delivered a second", "초당 전달"],
  "subscriber.failed": ["Failed since the start", "시작 후 실패"],
  "subscriber.restart": ["Next restart", "다음 재시작"],
  "subscriber.within": ["within {time}", "{time} 이내"],
  "subscriber.held": ["the API asked for quiet: {time}", "API의 대기 요청: {time}"],
  "subscriber.row": ["{count} failures in a row", "연속 실패 {count}회"],

  "orders": ["Orders", "주문"],
  "order": ["Order {id}", "주문 {id}"],
  "order.id": ["Order", "주문"],
  "users": ["Users", "사용자"],
  "user": ["User {id}", "사용자 {id}"],
  "user.id": ["User", "사용자"],
  "reference": ["Reference", "참조 번호"],
  "status": ["Status", "상태"],
  "any": ["any", "전체"],
  "total": ["Total", "총액"],
  "discount": ["Discount", "할인"],
  "final": ["To pay", "결제 금액"],
  "refunded": ["Refunded", "환불액"],
  "coupon": ["Coupon", "쿠폰"],
  "created": ["Created", "생성"],
  "updated": ["Changed", "변경"],
  "from": ["Created from", "생성 시작"],
  "to": ["Created before", "생성 끝"],
  "phone": ["Phone", "전화번호"],
  "balance": ["Balance", "잔액"],
  "metadata": ["Metadata", "메타데이터"],
  "entries": ["Ledger entries", "원장 항목"],
  "entry": ["Entry", "항목"],
  "kind": ["Kind", "종류"],
  "amount": ["Amount", "금액"],
  "balance.after": ["Balance after", "이후 잔액"],
  "reason": ["Reason", "사유"],
  "by": ["By key", "요청 키"],
  "all.of": ["All of them", "전체 보기"],

  "notifications": ["Messages", "메시지"],
  "notification": ["Message {id}", "메시지 {id}"],
  "notification.id": ["Message", "메시지"],
  "attempts": ["Tries", "시도"],
  "last.error": ["Last error", "마지막 오류"],
  "next.attempt": ["Next try", "다음 시도"],
  "delivered.at": ["Reached the phone", "휴대폰 도착"],
  "channel": ["Channel", "채널"],
  "provider.id": ["Id at the provider", "발송 업체 ID"],
  "tries": ["Tries that did not succeed, oldest first", "성공하지 못한 시도 (오래된 순)"],
  "tries.none": ["It has no try that did not succeed.", "실패한 시도가 없습니다."],
  "try.at": ["At", "시각"],
  "try.took": ["Took", "걸린 시간"],
  "try.outcome": ["Outcome", "결과"],
  "try.detail": ["The provider's words", "발송 업체 메시지"],
  "notifications.none": [
    "This order has no message. Only what was paid or refunded is told, and with alimtalk.provider = none nothing is. Or it was delivered longer ago than notification.retention.",
    "이 주문에는 메시지가 없습니다. 결제나 환불만 알리며, alimtalk.provider = none이면 알리지 않습니다. 또는 전달된 지 notification.retention보다 오래되어 삭제되었습니다."],

  "why.DELIVERED": ["The message reached the phone.", "메시지가 휴대폰에 도착했습니다."],
  "why.DELIVERED.unknown": [
    "The provider, or the webhook's receiver, took it, and has told no more. Look there by its id.",
    "발송 업체(또는 웹훅 수신 서버)가 받았으며 이후 결과는 알려진 것이 없습니다. 그쪽에서 ID로 확인하세요."],
  "why.FAILED.PERMANENT": [
    "It was refused for good, for the recipient's own sake: see the last error. Mend that (a phone by PATCH /v1/users/{id}), then send it again.",
    "수신자 문제로 최종 거절되었습니다. 마지막 오류를 확인해 고친 뒤(전화번호는 PATCH /v1/users/{id}) 다시 보내세요."],
  "why.FAILED.UNDELIVERED": [
    "The provider took it, and it did not reach the phone. Send it again once the reason is mended.",
    "발송 업체가 받았지만 휴대폰에 도착하지 않았습니다. 원인을 해결한 뒤 다시 보내세요."],
  "why.FAILED.untried": [
    "It was never sent: the last error names what is missing. Mend that, then send it again.",
    "보낸 적이 없습니다. 마지막 오류에 빠진 것이 나와 있습니다. 고친 뒤 다시 보내세요."],
  "why.FAILED.other": [
    "It failed at every try until it was too old. The tries say why. Send it again once that is mended.",
    "기한까지 모든 시도가 실패했습니다. 시도 목록에서 원인을 확인해 해결한 뒤 다시 보내세요."],
  "why.PENDING.OUTAGE": [
    "The message API is down, or refuses the credentials, the sender or the template: the last try says which. Nothing is lost. It goes out by itself once the API works.",
    "메시지 API가 동작하지 않거나 인증 정보, 발신 프로필 또는 템플릿을 거절합니다. 마지막 시도를 확인하세요. 잃어버린 것은 없으며, API가 복구되면 자동으로 보냅니다."],
  "why.PENDING.UNKNOWN": [
    "A call got no clear answer. The provider is asked, or sent the same call again.",
    "호출 결과가 분명하지 않습니다. 발송 업체에 확인하거나 같은 호출을 다시 보냅니다."],
  "why.PENDING.THROTTLED": [
    "The message API asked for quiet. A quota may be used up.",
    "메시지 API가 대기를 요청했습니다. 할당량을 다 썼을 수 있습니다."],
  "why.PENDING.TRANSIENT": [
    "It was refused for now, and is tried again by itself.",
    "일시적으로 거절되었으며 자동으로 다시 시도합니다."],
  "why.PENDING.waiting": [
    "It was not sent yet. During an outage only one message is tried, and the others wait behind it: look at the subscriber's state in the overview.",
    "아직 보내지 않았습니다. 장애 중에는 한 건만 시도하고 나머지는 기다립니다. 현황에서 구독자 상태를 확인하세요."],
  "why.PENDING.due": [
    "It is due, and goes out within a second or so while the message API works.",
    "보낼 차례이며, 메시지 API가 동작하면 1초 안팎으로 보냅니다."],

  "retry": ["Send again", "다시 보내기"],
  "retry.done": ["It is due again.", "다시 보낼 차례가 되었습니다."],
  "retry.all": ["Send all of these again…", "이 조건의 메시지 모두 다시 보내기…"],
  "retry.title": ["Send failed messages again?", "실패한 메시지를 다시 보낼까요?"],
  "retry.which": [
    "All FAILED messages that this filter finds become due at once: {filter}. Customers may read them now. Up to {most} in one run. Stay on this page: the run ends when you leave it.",
    "이 조건의 실패한 메시지를 모두 지금 다시 보냅니다: {filter}. 고객이 지금 받게 됩니다. 한 번에 최대 {most}건입니다. 이 페이지를 벗어나면 중단되니 끝날 때까지 머물러 주세요."],
  "retry.every": ["no filter, every subscriber", "조건 없음, 모든 구독자"],
  "retry.going": [
    "{done} are due again, {passed} were no longer FAILED, {refused} were refused.",
    "{done}건을 다시 보냅니다. {passed}건은 이미 실패 상태가 아니었고, {refused}건은 거절되었습니다."],
  "retry.ended": ["Done.", "끝났습니다."],
  "retry.stopped": ["Stopped.", "중지했습니다."],
  "retry.left": ["You left the page, so sending again has ended.", "페이지를 벗어나 다시 보내기를 중단했습니다."],
  "retry.bound": ["This is as many as one run takes. Begin again for the others.", "한 번에 처리할 수 있는 만큼 처리했습니다. 나머지는 다시 시작하세요."],
  "retry.fault": ["Stopped by a fault: {why}", "오류로 중지했습니다: {why}"],
  "stop": ["Stop", "중지"],

  "webhooks": ["Webhooks", "웹훅"],
  "webhook.events": ["Events", "이벤트"],
  "webhook.bounds": ["At once, a second", "동시, 초당"],
  "webhook.unbounded": ["no bound", "제한 없음"],
  "webhook.failing": ["Takes nothing since", "받지 않기 시작한 때"],
  "webhook.paused": ["Paused by the server", "서버가 중지한 때"],
  "webhook.replaying": ["A replay goes on.", "재전송이 진행 중입니다."],
  "webhook.pause": ["Pause", "일시 중지"],
  "webhook.resume": ["Resume", "다시 시작"],
  "webhook.test": ["Test", "테스트"],
  "webhook.replay": ["Replay…", "재전송…"],
  "webhook.of": ["{action}: {name}", "{name}: {action}"],
  "webhook.pause.title": ["Pause {name}?", "{name} 웹훅을 중지할까요?"],
  "webhook.pause.text": ["Nothing is sent to it. Its events wait until it is resumed.", "이 웹훅으로 보내지 않습니다. 이벤트는 다시 시작할 때까지 기다립니다."],
  "webhook.replay.title": ["Replay events to {name}", "{name}에 이벤트 재전송"],
  "webhook.replay.text": [
    "Each event from this time on is delivered once more, under the webhook-id that it had.",
    "이 시각부터의 이벤트를 같은 webhook-id로 한 번 더 보냅니다."],
  "webhook.replay.from": ["From", "시작 시각"],
  "webhook.changed": ["It is changed.", "변경했습니다."],
  "webhook.replayed": ["The replay begins.", "재전송을 시작합니다."],
  "webhook.taken": ["{name} took the test in {ms} ms.", "{name}이(가) 테스트를 {ms}ms 만에 받았습니다."],
  "webhook.refused": ["{name} did not take the test: {detail}", "{name}이(가) 테스트를 받지 않았습니다: {detail}"],
  "webhook.late": ["{name} did not answer within 2 seconds.", "{name}이(가) 2초 안에 응답하지 않았습니다."],
  "webhook.none": ["There are no webhooks. POST /v1/webhooks makes one.", "웹훅이 없습니다. POST /v1/webhooks로 만듭니다."],
  "webhook.messages": ["Its failed messages", "실패한 메시지"],
};

// A browser that keeps nothing for this page (site data are blocked) throws at each use of its store.
function storedLanguage() {
  try {
    return localStorage.getItem(storedName);
  } catch {
    return null;
  }
}

function firstLanguage() {
  const stored = storedLanguage();
  if (stored === "en" || stored === "ko") return stored;
  return (navigator.language ?? "").toLowerCase().startsWith("ko") ? "ko" : "en";
}

let language = firstLanguage();

export function currentLanguage() {
  return language;
}

/** For Intl: the browser's own English where it speaks one. */
export function locale() {
  if (language === "ko") return "ko-KR";
  return navigator.language?.startsWith("en") ? navigator.language : "en-GB";
}

export function switchLanguage() {
  language = language === "ko" ? "en" : "ko";
  try {
    localStorage.setItem(storedName, language);
  } catch {
    // The next page begins with the browser's language again.
  }
}

/** The text of a name, with values for its {fields}. Without such a text: `otherwise`. */
export function t(name, values = {}, otherwise = name) {
  const said = texts[name];
  if (!said) return otherwise;
  return said[language === "ko" ? 1 : 0].replace(/\{(\w+)\}/g, (field, key) => values[key] ?? field);
}
