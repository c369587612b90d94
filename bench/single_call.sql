-- The whole payment as one call inside the database: what bench/load.sh compares with. Each call is
-- a transaction of its own and checks what paymentd checks. Never used by paymentd.
create sequence paymentd.next_order;
create sequence paymentd.next_entry start 4400000000000000;

create function paymentd.pay(wanted bigint) returns text language plpgsql as $$
declare
  bought paymentd.orders;
  payer paymentd.users;
  entry bigint;
begin
  select * into bought from paymentd.orders where id = wanted for no key update;
  if not found then return 'order_not_found'; end if;
  if bought.status <> 0 then return 'order_not_payable'; end if;
  select * into payer from paymentd.users where id = bought.user_id for no key update;
  if payer.balance < bought.total - bought.discount then return 'insufficient_balance'; end if;
  entry := nextval('paymentd.next_entry');
  update paymentd.users
    set balance = payer.balance - (bought.total - bought.discount),
        last_sequence = payer.last_sequence + 1
    where id = payer.id;
  update paymentd.orders set status = 1, payment_entry_id = entry, updated_at = now()
    where id = wanted;
  insert into paymentd.ledger_entries
    values (entry, payer.id, payer.last_sequence + 1, wanted,
            -(bought.total - bought.discount), payer.balance - (bought.total - bought.discount),
            now(), 1);
  return 'PAID';
end $$;
