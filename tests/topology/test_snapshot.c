/* topology/snapshot, image: look-ups, and that no damaged image is believed or crashes. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xxhash.h>

#include "common/dn.h"
#include "tests/topology/net.h"
#include "topology/load.h"
#include "topology/snapshot_private.h"

#define HASH_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Something of every kind of record. */
static struct net *full_network(void)
{
	struct net *net = net_new();
	struct entry *hub;

	net_sites(net, "A B");
	net_link(net, "A-B 10");
	hub = net_find(net, "cn=HTA1,cn=Servers");
	net_set(hub, "CertificateHash", HASH_A);
	net_set(hub, "Address", "10.1.0.5");
	net_add(net, "Subnet", "cn=10.1.0.0/16,cn=Subnets", "SiteDN", net_dn(net, "Sites", "A"), NULL);
	net_add(net, "Subnet", "cn=10.1.2.0/24,cn=Subnets", "SiteDN", net_dn(net, "Sites", "B"), NULL);
	net_add(net, "Subnet", "cn=2001:db8::/32,cn=Subnets", "SiteDN", net_dn(net, "Sites", "B"), NULL);
	net_add(net, "EdgeSubscription", "cn=EDGE1,cn=Edge Subscriptions", "SiteDN",
		net_dn(net, "Sites", "A"), "CertificateHash", HASH_B, NULL);
	net_add(net, "ReceiveConnector", "cn=Default,cn=HTA1,cn=Servers", "Binding", "[::]:25",
		"RemoteRange", "0.0.0.0/0", "RemoteRange", "192.168.1.0/24", NULL);
	net_add(net, "ReceiveConnector", "cn=Client,cn=HTA1,cn=Servers", NULL);
	net_add(net, "ReceiveConnector", "cn=Default,cn=HTB1,cn=Servers", NULL);
	net_add(net, "RemoteDomain", "cn=all,cn=Remote Domains", "Domain", "*", NULL);
	net_add(net, "AcceptedDomain", "cn=sub,cn=Accepted Domains", "Domain", "*.example.com",
		"DomainType", "internalRelay", NULL);
	net_connector(net, "Internet", "HTB1", "*;5");
	net_set(net_find(net, "cn=Internet"), "SmartHost", "relay.example.net");
	net_build(net);
	return net;
}

static void test_records_are_found_by_every_key(void **state)
{
	struct net *net = full_network();
	const struct snapshot *snap = &net->snap;
	char *key = dn_key(net->ctx, "CN=hta1, CN=Servers," NET_SUFFIX);
	uint32_t hub = snapshot_find_server(snap, "hta1");
	bool edge;

	(void)state;
	assert_string_equal(snap_str(snap, snap_server(snap, hub)->peer.name), "HTA1");
	assert_int_equal(snapshot_find_server(snap, "HTA2"), SNAP_NONE);
	assert_int_equal(snapshot_find_server_dn(snap, key), hub);
	assert_int_equal(snapshot_find_server_dn(snap, "cn=x"), SNAP_NONE);
	assert_int_equal(snapshot_find_server_fqdn(snap, "hta1.EXAMPLE.com."), hub);
	assert_int_equal(snapshot_find_server_fqdn(snap, "other.example.com"), SNAP_NONE);
	assert_ptr_equal(snapshot_find_certificate(snap, HASH_A, &edge),
			 &snap_server(snap, hub)->peer);
	assert_false(edge);
	assert_ptr_equal(snapshot_find_certificate(snap, HASH_B, &edge), &snap_edge(snap, 0)->peer);
	assert_true(edge);
	assert_null(snapshot_find_certificate(snap, "sha256:00", &edge));
	assert_int_equal(snapshot_find_link(snap, "a-b"), 0);
	assert_int_equal(snapshot_find_connector(snap, "INTERNET"), 0);
	assert_int_equal(snapshot_find_edge(snap, "edge1"), 0);
	assert_int_equal(snapshot_find_site(snap, "C"), SNAP_NONE);
	net_free(net);
}

static void test_receive_connectors_are_found_below_their_server(void **state)
{
	struct net *net = full_network();
	const struct snapshot *snap = &net->snap;
	uint32_t a = snapshot_find_server(snap, "HTA1"), b = snapshot_find_server(snap, "HTB1");
	const struct snap_receive *receive;
	struct ipaddr addr;

	(void)state;
	assert_int_equal(snap_server(snap, a)->receive.count, 2);
	receive = snap_receive(snap, snapshot_find_receive(snap, a, "default"));
	assert_int_equal(receive->server, a);
	assert_int_equal(snap_receive(snap, snapshot_find_receive(snap, b, "Default"))->server, b);
	assert_int_equal(snapshot_find_receive(snap, b, "Client"), SNAP_NONE);
	assert_true(ipaddr_parse("192.168.1.9", 11, &addr));
	assert_int_equal(ipaddr_range_prefix_length(snapshot_receive_range(snap, receive, &addr)), 24);
	assert_true(ipaddr_parse("10.0.0.1", 8, &addr));
	assert_int_equal(ipaddr_range_prefix_length(snapshot_receive_range(snap, receive, &addr)), 0);
	assert_true(ipaddr_parse("2001:db8::1", 11, &addr));
	assert_null(snapshot_receive_range(snap, receive, &addr));
	net_free(net);
}

static uint32_t site_of(struct net *net, const char *text)
{
	struct ipaddr addr;

	assert_true(ipaddr_parse(text, strlen(text), &addr));
	return snapshot_site_of_address(&net->snap, &addr);
}

static void test_the_longest_prefix_tells_the_site(void **state)
{
	struct net *net = full_network();

	(void)state;
	assert_int_equal(site_of(net, "10.1.1.1"), net_site_index(net, "A"));
	assert_int_equal(site_of(net, "10.1.2.1"), net_site_index(net, "B"));
	assert_int_equal(site_of(net, "2001:db8::7"), net_site_index(net, "B"));
	assert_int_equal(site_of(net, "10.2.0.1"), SNAP_NONE);
	net_free(net);
}

static const char *accepted(struct net *net, const char *domain)
{
	uint32_t i = snapshot_accepted_domain(&net->snap, domain);

	return i == SNAP_NONE ? "" : snap_str(&net->snap, snap_domain(&net->snap, i)->name);
}

static void test_the_most_specific_accepted_domain_decides(void **state)
{
	struct net *net = full_network();

	(void)state;
	assert_string_equal(accepted(net, "example.com"), "example.com");
	assert_string_equal(accepted(net, "x.example.com"), "sub");
	assert_string_equal(accepted(net, "y.x.example.com"), "sub");
	assert_string_equal(accepted(net, "notexample.com"), "");
	assert_string_equal(accepted(net, "com"), "");
	net_free(net);
}

static void test_entries_in_any_order_give_the_same_image(void **state)
{
	struct net *net = full_network();
	struct buf other = { NULL, 0, 0 };
	struct entry_list reversed = { NULL, 0 };
	struct snapshot_source source = snapshot_source_of_list(&reversed);
	struct snapshot snap;

	(void)state;
	for (size_t i = net->entries.count; i-- > 0;)
		entry_list_add(net->ctx, &reversed, net->entries.items[i]);
	assert_int_equal(snapshot_build(&source, NULL, 2, &other, NULL), 0);
	assert_int_equal(snapshot_open(&snap, other.data, other.len, NULL), 0);
	assert_int_equal(snapshot_hash(&snap), snapshot_hash(&net->snap));
	assert_int_equal(snapshot_number(&snap), 2);
	buf_free(&other);
	net_free(net);
}

static void test_any_changed_octet_is_noticed(void **state)
{
	struct net *net = full_network();
	struct snapshot snap;

	(void)state;
	for (size_t i = 0; i < net->image.len; i++) {
		net->image.data[i] ^= 0x20;
		assert_int_equal(snapshot_open(&snap, net->image.data, net->image.len, NULL), -1);
		net->image.data[i] ^= 0x20;
	}
	net_free(net);
}

static void test_any_shortened_image_is_noticed(void **state)
{
	struct net *net = full_network();
	struct snapshot snap;

	(void)state;
	for (size_t len = 0; len < net->image.len; len++) {
		char *copy = mem_alloc(len);

		memcpy(copy, net->image.data, len);
		assert_int_equal(snapshot_open(&snap, copy, len, NULL), -1);
		free(copy);
	}
	net_free(net);
}

/* Reads all that a reader can reach; a sanitizer sees any step outside. */
static void use_everything(struct snapshot *snap)
{
	struct route_desk *desk = route_desk_new(snap, NULL);
	static const char *const recipients[] = { "u@f.com", "u@x.example.com", "postmaster", "FAX:1",
						  "u@[192.0.2.1]" };

	for (uint32_t s = 0; s < snap_count(snap, SNAP_SERVERS); s++) {
		for (size_t i = 0; i < 5; i++) {
			json_t *query = json_pack("{s:s,s:s}", "from",
						  snap_str(snap, snap_server(snap, s)->peer.name),
						  "recipient", recipients[i]);

			if (query != NULL)
				json_decref(route_desk_answer(desk, query, true));
			json_decref(query);
		}
		snapshot_find_receive(snap, s, "Default");
	}
	route_desk_free(desk);
}

static void reseal(char *image, size_t len)
{
	struct snap_header *h = (struct snap_header *)(void *)image;

	h->hash = XXH3_64bits(h + 1, len - sizeof(*h));
	h->header_hash = snap_header_hash(h);
}

/* With checksums that fit, so the references themselves have to be checked. */
static void test_no_damage_below_a_right_checksum_leads_outside(void **state)
{
	static const uint8_t evil[] = { 0xff, 0x7f, 0x00, 0x01 };
	struct net *net = full_network();
	struct snapshot snap;
	size_t step = getenv("WP_FULL") != NULL ? 1 : 7, accepted_images = 0, refused = 0;
	size_t header = offsetof(struct snap_header, sections);

	(void)state;
	for (size_t i = header; i < net->image.len; i += step)
		for (size_t e = 0; e < sizeof(evil); e++) {
			char *copy = mem_alloc(net->image.len);

			memcpy(copy, net->image.data, net->image.len);
			copy[i] = (char)evil[e];
			reseal(copy, net->image.len);
			if (snapshot_open(&snap, copy, net->image.len, NULL) == 0) {
				use_everything(&snap);
				accepted_images++;
			} else {
				refused++;
			}
			free(copy);
		}
	assert_true(accepted_images > 0 && refused > 0);
	net_free(net);
}

static void test_another_format_is_told_from_damage(void **state)
{
	struct net *net = full_network();
	struct snap_header *h = (struct snap_header *)(void *)net->image.data;
	struct snapshot snap;
	struct err err;

	(void)state;
	h->format = SNAP_FORMAT + 1;
	reseal(net->image.data, net->image.len);
	assert_int_equal(snapshot_open(&snap, net->image.data, net->image.len, &err), -1);
	assert_non_null(strstr(err.text, "format"));
	net_free(net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records_are_found_by_every_key),
		cmocka_unit_test(test_receive_connectors_are_found_below_their_server),
		cmocka_unit_test(test_the_longest_prefix_tells_the_site),
		cmocka_unit_test(test_the_most_specific_accepted_domain_decides),
		cmocka_unit_test(test_entries_in_any_order_give_the_same_image),
		cmocka_unit_test(test_any_changed_octet_is_noticed),
		cmocka_unit_test(test_any_shortened_image_is_noticed),
		cmocka_unit_test(test_no_damage_below_a_right_checksum_leads_outside),
		cmocka_unit_test(test_another_format_is_told_from_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
