"""The golden topologies in the short-hand of mk.py: name -> (what it shows, the topology).

P, H, B, L, F, S, C, E, R: the worked examples of routing by site, hub site, backoff, load
balancing, fan-out, size, connector, edge and receive connector, by their ids.
T: one for each tie-break, in which only what decides differs, and the names speak against it.
W: rules of our own, where the reference is silent.
X: explanations, asked for as JSON and as text.
"""
DIAMOND = "A-B 10, B-D 10, A-C 10, C-D 10"
ROW = "A-B 10, B-C 10, C-D 10, D-E 10"
SITE_A_3 = "+HTA2@A, +HTA3@A"

TOPOLOGIES = {
    "P01-transitive-links": ("Links are transitive; one direct relay", "A-B 10, B-C 10"),
    "P02-one-link-is-a-full-mesh": (
        "One link with four sites, default cost", "DEFAULTIPSITELINK{A,B,C,D} 100"),
    "P03-costs-add-up": ("Hub and spoke without a hub site", "A-B 10, A-C 10, A-D 10"),
    "P04-sum-beats-direct-link": ("The cheaper sum wins", "A-B 10, B-C 10, A-C 30"),
    "P05-fewest-hops": ("Equal costs: fewest hops", "A-B 10, B-C 10, A-C 20"),
    "P06-name-next-to-destination": ("Equal costs and hops: the name", DIAMOND),
    "P07-name-one-further-back": (
        "The site next to the destination is common, the one before it decides",
        "S-B 10, S-C 10, B-X 10, C-X 10, X-T 10"),
    "P08-names-from-the-destination": (
        "Names are compared from the destination end",
        "S-A 10, A-Z 10, Z-T 10, S-Y 10, Y-C 10, C-T 10"),
    "P09a-before-mail-cost": ("Directory costs only", "A-C 10, C-D 10, A-B 10, B-D 15"),
    "P09b-after-mail-cost": (
        "A mail cost moves the path", "A-C 10, C-D 10 mail=50, A-B 10, B-D 15"),
    "P10-parallel-links": ("The cheaper of two links", "L1{A,B} 100, L2{A,B} 50"),
    "P11-mail-cost-replaces-cost": (
        "The mail cost counts, the cost is ignored", "L1{A,B} 5 mail=200, L2{A,B} 100"),
    "P12-site-without-servers": (
        "A site without servers takes part, and wins a tie by its name",
        "L1{HQ,Default-First-Site-Name,EU} 10, L2{Default-First-Site-Name,EU,US} 10, "
        "site:Default-First-Site-Name"),
    "P13-site-without-servers-avoided": (
        "Dearer links with a lower mail cost lead around it",
        "L1{HQ,Default-First-Site-Name,EU} 10, L2{Default-First-Site-Name,EU,US} 10, "
        "L3{HQ,EU} 20 mail=1, L4{EU,US} 20 mail=1, site:Default-First-Site-Name"),
    "P14a-no-route": ("Two halves without a link", "A-B 10, C-D 10"),
    "P14b-link-added": ("The link that joins the halves", "A-B 10, C-D 10, B-C 10"),
    "P15-mail-cost-removed": (
        "P09 with the mail cost taken back", "A-C 10, C-D 10, A-B 10, B-D 15"),
    "P16a-site-from-subnet": (
        "Servers find their site by their address",
        """A-B 10, B-C 10, site:A,B,C
        subnet 192.168.1.0/24 A, subnet 192.168.2.0/24 A
        subnet 192.168.3.0/24 B, subnet 192.168.4.0/24 B
        subnet 192.168.5.0/24 C, subnet 192.168.6.0/24 C
        +HT1 address=192.168.1.1, +HT2 address=192.168.2.1, +HT3 address=192.168.3.1
        person p1 mail=p1@example.com home=HT1, person p2 mail=p2@example.com home=HT2
        person p3 mail=p3@example.com home=HT3"""),
    "P16b-subnet-moved": (
        "The subnet of a server is moved to another site",
        """A-B 10, B-C 10, site:A,B,C
        subnet 192.168.1.0/24 A, subnet 192.168.3.0/24 A
        +HT1 address=192.168.1.1, +HT3 address=192.168.3.1
        person p3 mail=p3@example.com home=HT3"""),
    "P16c-longest-prefix": (
        "The longest prefix wins, and a site that is named beats any subnet",
        """A-B 10, B-C 10, site:A,B,C
        subnet 192.168.0.0/16 A, subnet 192.168.3.0/24 B
        +HT1 address=192.168.1.1, +HT3 address=192.168.3.1, +HT4@C address=192.168.1.4
        person p3 mail=p3@example.com home=HT3, person p4 mail=p4@example.com home=HT4"""),

    "H01-hub-on-the-path": ("A hub site on the path is a stop", ROW + ", hub:C"),
    "H02-hub-beats-dear-direct-link": (
        "The cheaper path leads over the hub site", "A-B 10, B-D 10, A-D 50, hub:B"),
    "H03-hub-off-the-path": ("A misconfigured hub", "A-B 10, B-D 10, A-D 10, hub:B"),
    "H04-mail-cost-forces-the-hub": (
        "A mail cost brings the hub onto the path", "A-B 10, B-D 10, A-D 10 mail=100, hub:B"),
    "H05-every-hub-on-the-path": ("Two hub sites, two stops", ROW + ", hub:B,D"),
    "H06-path-first-hub-second": ("The hub loses the tie by its name", DIAMOND + ", hub:C"),
    "H07-hubs-at-the-ends": ("The ends of a path are never stops", "A-B 10, B-C 10, hub:A,C"),
    "H08-hub-between-spokes": ("Hub and spoke with a hub site", "A-B 10, A-C 10, A-D 10, hub:A"),
    "H09-from-a-hub": ("Each stop routes again from its place", ROW + ", hub:B,D"),

    "B01-backoff-to-the-site-before": ("One site before the destination", "A-B 10, B-C 10"),
    "B02-backoff-order": ("Nearest to the destination first", ROW),
    "B03-nothing-before": ("No site between: it stays where it is", "A-B 10"),
    "B04-backoff-follows-the-path": (
        "The path with the mail cost, and its backoff", "A-C 10, C-D 10 mail=50, A-B 10, B-D 15"),
    "B05-no-alternative-path": ("Never along another path", "A-B 10, B-D 10, A-C 15, C-D 15"),
    "B06-all-servers-first": ("Every server of the destination", "A-B 10, +HTB2@B"),

    "S01-link-limit": ("A limit on one link", "A-B 10, B-C 10 max=10MB"),
    "S02-no-detour": ("The path does not change for a size", "A-B 10, B-C 10 max=10MB, A-C 100"),
    "S03-smallest-limit": ("Two limits on the path", "A-B 10 max=20MB, B-C 10 max=10MB"),

    "C01a-exact-domain": (
        "Three that match", "site:A, +HTA1@A\nAll [HTA1] *;1\nSub [HTA1] *.contoso.com;1\n"
        "Exact [HTA1] marketing.contoso.com;1"),
    "C01b-suffix": ("Two that match",
                    "site:A, +HTA1@A\nAll [HTA1] *;1\nSub [HTA1] *.contoso.com;1"),
    "C01c-everything": ("One that matches", "site:A, +HTA1@A\nAll [HTA1] *;1"),
    "C02-specificity-beats-cost": (
        "The space first", "site:A, +HTA1@A\nCheap [HTA1] *;1\nSub [HTA1] *.contoso.com;100"),
    "C03-lower-cost": (
        "Same site, same space", f"site:A, +HTA1@A, {SITE_A_3}\nS1 [HTA2] *.contoso.com;10\n"
        "S2 [HTA3] *.contoso.com;1"),
    "C04-sum-of-costs": ("Path cost counts", "A-B 10\nLocal [HTA1] *;20\nRemote [HTB1] *;5"),
    "C05-same-site": ("Equal sums: the local site",
                      "A-B 10, +HTA2@A\nLocal [HTA2] *;20\nARemote [HTB1] *;10"),
    "C06-local-server": ("Equal sums: the local server",
                         "site:A, +HTA1@A, +HTA2@A\nAaa [HTA2] *;10\nZzz [HTA1] *;10"),
    "C07-name": ("All equal: the name, never balanced",
                 f"site:A, +HTA1@A, {SITE_A_3}\nBeta [HTA2] *;10\nAlpha [HTA3] *;10"),
    "C08-size": ("The size is a filter",
                 "site:A, +HTA1@A\nFab [HTA1] fabrikam.com;1 max=10MB\nNet [HTA1] *;1 max=35MB"),
    "C09-no-subdomains": ("A domain has no subdomains",
                          "site:A, +HTA1@A\nCon [HTA1] contoso.com;1"),
    "C10-star-dot-has-the-domain": ("*.domain has the domain itself",
                                    "site:A, +HTA1@A\nCon [HTA1] *.contoso.com;1"),
    "C11-longest-suffix": (
        "The longest suffix", "site:A, +HTA1@A\nCom [HTA1] *.com;1\nCont [HTA1] *.contoso.com;1\n"
        "Star [HTA1] *;1"),
    "C12-disabled": ("A disabled connector is not in routing",
                     "site:A, +HTA1@A\nOff [HTA1] contoso.com;1 disabled\nStar [HTA1] *;50"),
    "C13a-scope": ("A scoped connector is seen in its site only",
                   "A-B 10\nScB [HTB1] *;1 scoped\nGlobA [HTA1] *;90"),
    "C13b-scope-alone": ("… and there is no other", "A-B 10\nScB [HTB1] *;1 scoped"),
    "C14-type-without-connector": ("No connector for the type",
                                   "site:A, +HTA1@A\nNet [HTA1] *;1"),
    "C15-foreign-connector": (
        "A foreign connector on another server of the site",
        "site:A, +HTA1@A, +HTA2@A\nFax [HTA2] FAX:*;1 foreign\nNet [HTA1] *;1"),
    "C16a-edge-or-breakout": (
        "A breakout is nearer than the edge's cost",
        "A-B 50, edge EDGE1 A\nEdgeSync - A to Internet [EDGE1] *;100\nBreakout [HTB1] *;1"),
    "C16b-edge-or-breakout": (
        "… and is not", "A-B 120, edge EDGE1 A\nEdgeSync - A to Internet [EDGE1] *;100\n"
        "Breakout [HTB1] *;1"),
    "C17-no-route-to-the-source": (
        "Routes before specificity", "A-B 10, C-D 10\nInD [HTD1] contoso.com;1\nStar [HTA1] *;10"),
    "C18-fewest-hops": ("Equal sums: fewest hops", "A-B 10, B-C 10\nX [HTC1] *;1\nY [HTB1] *;11"),
    "C19-sources-in-two-sites": (
        "Sources of one connector in two sites are allowed, the nearest counts",
        "A-B 10, B-C 10\nNet [HTA1 HTC1] *;1"),
    "C20-hub-and-edge-as-sources": (
        "Hubs and edges are never mixed: the edges are left out",
        "A-B 10, edge EDGE1 B\nNet [HTA1 EDGE1] *;1"),
    "C21-other-type-by-dns": (
        "Another type than SMTP needs smart hosts: the space is left out",
        "site:A, +HTA1@A\nX [HTA1] X400:*;1 f.com;1\nY [HTA1] FAX:*;1 smarthost=fax.example.com"),
    "C22-wildcard-inside-a-label": (
        "A wildcard is a whole label: the space is left out",
        "site:A, +HTA1@A\nBad [HTA1] *contoso.com;1\nHalf [HTA1] con*.com;1 *.contoso.org;1\n"
        "Empty [HTA1] contoso..com;1\nStar [HTA1] *;50"),
    "C23-spellings-of-a-space": (
        "Type and cost may be left out; a cost is 1 to 100",
        """site:A, +HTA1@A
        S1 [HTA1] contoso.com, S2 [HTA1] SMTP:contoso.com, S3 [HTA1] contoso.com;1
        S4 [HTA1] smtp:contoso.com;1
        Zero [HTA1] contoso.com;0, Over [HTA1] contoso.com;101, Hundred [HTA1] contoso.org;100"""),
    "C25-no-failover-to-a-wider-space": (
        "The most specific connector takes it, whether its smart host answers or not",
        "site:A, +HTA1@A\nDotNet [HTA1] *.net;1 smarthost=down.example.com\nAll [HTA1] *;1"),
    "C24-relay-to-a-source": (
        "To the site of the source, and on to a source within it",
        "A-B 10, +HTB2@B, +HTB3@B\nCon [HTB2 HTB1] *.contoso.com;1"),

    "L01-three-hubs-to-rotate": (
        "All hubs of a site are candidates, by name", "A-B 10, +HTB3@B, +HTB2@B"),
    "L03-equals-are-never-balanced": (
        "One of two equal paths, one of two equal connectors", DIAMOND +
        "\nNet1 [HTA1] *;1\nNet2 [HTA1] *;1"),
    "L04-sources-in-one-site": (
        "The sources of the nearest site share the connections, those of another do not",
        "A-B 10, A-C 20, +HTB2@B\nNet [HTB1 HTB2 HTC1] *;1"),
    "L07-two-edges": (
        "Two edges of one site share the way out",
        "A-B 10, edge EDGE1 A, edge EDGE2 A\nEdgeSync - A to Internet [EDGE1 EDGE2] *;100"),

    "F01-one-copy-to-the-fork": ("The paths part at B", "A-B 10, B-D 10, B-E 10, "
                                 "person e2 mail=e2@example.com home=HTE1"),
    "F02-nothing-shared": ("Only the source is shared: two copies", "A-B 10, A-C 10"),
    "F03-fork-is-a-destination": ("The last common site is a destination", "A-B 10, B-C 10"),
    "F04-fork-behind-a-site": ("B is passed by", "A-B 10, B-C 10, C-D 10, C-E 10"),
    "F05-hub-before-the-fork": ("The hub site stops the copy first",
                                "A-B 10, B-C 10, C-D 10, C-E 10, hub:B"),
    "F07-expansion-limit": (
        "No copy has more recipients than the organisation allows",
        "A-B 10, org ExpansionLimit=2, group all mail=all@example.com " +
        " ".join(f"member=p{i}" for i in range(5)) + "\n" +
        "\n".join(f"person p{i} mail=p{i}@example.com home=HTB1" for i in range(5))),
    "F08-two-connectors": ("Two connectors, two copies",
                           "site:A, +HTA1@A\nF [HTA1] fabrikam.com;1\nAll [HTA1] *;1"),

    "R01-most-specific-range": (
        "Ranges of one binding, one inside the other, are a matter of no diagnostic",
        """site:A, +HTA1@A
        receive HTA1 Front range=0.0.0.0-255.255.255.255
        receive HTA1 CustomA range=192.168.1.0-192.168.1.255
        receive HTA1 CustomB range=192.168.1.75"""),
    "R02-ranges-that-cross": (
        "Ranges of one binding that overlap and do not nest",
        """site:A, +HTA1@A
        receive HTA1 R1 range=192.168.1.0-192.168.1.128
        receive HTA1 R2 range=192.168.1.100-192.168.1.200"""),

    "E03-edge-behind-sites": (
        "Only hubs of the subscribed site speak to the edge",
        "C-B 10, B-A 10, edge EDGE1 A, edge EDGE2 A\nEdgeSync - A to Internet [EDGE2 EDGE1] *;100"),
    "E04-on-an-edge": (
        "-- is what the organisation accepts",
        """site:A, +EDGE1 role=edge
        domain contoso.com authoritative nolookup, domain fab.com internalRelay
        domain *.deep.org internalRelay, domain ext.com externalRelay
        EdgeSync - Inbound to A [EDGE1] --;1 smarthost=--
        EdgeSync - A to Internet [EDGE1] *;100
        Deep [EDGE1] *.very.deep.org;100"""),
    "E01-edge-connectors": (
        "What a subscription brings: a way in and a way out",
        """A-B 10, edge EDGE1 A
        EdgeSync - Inbound to A [EDGE1] --;1 smarthost=--
        EdgeSync - A to Internet [EDGE1] *;100"""),
    "E02-hub-of-the-subscribed-site": (
        "A hub of the subscribed site speaks to the edge", "A-B 10, edge EDGE1 A\n"
        "EdgeSync - A to Internet [EDGE1] *;100"),

    "T01-path-cost": ("Lowest cost", "A-B 10, B-D 11, A-C 10, C-D 10"),
    "T02-path-hops": ("Fewest hops", "A-B 5, B-X 5, X-B2 5, B2-D 5, A-Y 10, Y-D 10"),
    "T03-path-name-folded": ("Names without regard to case", "A-C 10, C-D 10, A-b 10, b-D 10"),
    "T04-path-name-further-back": (
        "Two names further back", "S-C 10, C-M 10, M-X 10, X-T 10, S-B 10, B-M 10"),
    "T05-path-name-sees-servers-no-more": (
        "A site without servers wins by its name", DIAMOND + ", site:B"),
    "T06-parallel-links-size": ("Equal costs: the larger limit",
                                "L1{A,B} 10 max=5MB, L2{A,B} 10 max=10MB"),
    "T07-parallel-links-unlimited": ("No limit is the largest limit",
                                     "L1{A,B} 10 max=5MB, L2{A,B} 10"),
    "T08-nearest-source-cost": ("Of several source sites the cheapest",
                                "A-B 20, A-Z 10\nNet [HTB1 HTZ1] *;1"),
    "T09-nearest-source-hops": ("… with the fewest hops",
                                "A-M 10, M-B 10, A-Z 20\nNet [HTB1 HTZ1] *;1"),
    "T10-nearest-source-name": ("… with the lowest name", "A-Z 10, A-B 10\nNet [HTZ1 HTB1] *;1"),
    "T11-exact-over-suffix": ("Exact domain over *.suffix",
                              "site:A, +HTA1@A\nAbc [HTA1] *.contoso.com;1\nZed [HTA1] contoso.com;100"),
    "T12-longer-suffix": ("Longer over shorter suffix",
                          "site:A, +HTA1@A\nAbc [HTA1] *.com;1\nZed [HTA1] *.contoso.com;100"),
    "T13-suffix-over-star": ("*.suffix over *",
                             "site:A, +HTA1@A\nAbc [HTA1] *;1\nZed [HTA1] *.com;100"),
    "T14-cost": ("Cost", "site:A, +HTA1@A\nAbc [HTA1] *;11\nZed [HTA1] *;10"),
    "T15-local-server": ("The local server over one of its site",
                         "site:A, +HTA1@A, +HTA2@A\nAbc [HTA2] *;10\nZed [HTA1] *;10"),
    "T16-local-site": ("The local site over another", "A-B 10\n+HTA2@A\nAbc [HTB1] *;10\nZed [HTA2] *;20"),
    "T17-hops": ("Fewer hops", "A-B 10, B-C 10\nAbc [HTC1] *;1\nZed [HTB1] *;11"),
    "T18-name-folded": ("The name, without regard to case",
                        f"site:A, +HTA1@A, {SITE_A_3}\nBeta [HTA2] *;10\nalpha [HTA3] *;10"),
    "T19-address-literal": (
        "Equal literal over the longer prefix over everything",
        "site:A, +HTA1@A\nAll [HTA1] *;1\nNet [HTA1] [192.0.2.0/24];1\nSub [HTA1] [192.0.2.0/28];1\n"
        "Host [HTA1] [192.0.2.1];1"),

    "W01-inbound-off": (
        "A site that takes no mail from others: no destination, no stop, no backoff",
        ROW + ", hub:B,C, off:B,E"),
    "W02-draining": (
        "A draining server is no candidate, and its site no stop without another",
        "A-B 10, B-C 10, hub:B, site:B, +HTB1@B state=draining, +HTC2@C state=draining, "
        "+HTC3@C state=disabled"),
    "W03-no-hub-in-site": (
        "A site with a mailbox server only", "A-B 10, B-C 10, site:C, +MBC1@C role=mailbox, "
        "person mbc mail=mbc@example.com home=MBC1"),
    "W04-cost-out-of-range": ("Costs are clamped to 1–99999", "A-B 0, A-C 100000"),
    "W05-unreachable-order": (
        "Which reason comes first",
        "A-B 10, X-Y 10, Y-Z 10, off:Y, site:Z, +MBZ1@Z role=mailbox, "
        "person mbz mail=mbz@example.com home=MBZ1, person none mail=none@example.com"),
    "W06-link-limit-to-the-source": (
        "The limit of a link on the way to the chosen connector",
        "A-B 10 max=10MB\nNear [HTA1] *;50\nFar [HTB1] contoso.com;1"),
    "W07-source-site-inbound-off": (
        "No other site reaches the sources of a site that takes no mail",
        "A-B 10, off:B\nFar [HTB1] *;1\nNear [HTA1] *;90"),
    "W08-source-draining": ("A draining source is none",
                            "site:A, +HTA1@A, +HTA2@A state=draining\nOut [HTA2] *;1\nBack [HTA1] *;90"),
    "W09-unknown-recipients": (
        "What an accepted domain says of addresses that nobody has",
        """site:A, +HTA1@A, person all mail=all@example.com home=HTA1
        domain relay.com internalRelay, domain catch.com authoritative catchall=all
        domain loose.com authoritative nolookup, domain *.wild.com authoritative
        Out [HTA1] *;1"""),
    "W10-no-home": (
        "An entry without a home",
        """A-B 10
        domain relay.com internalRelay, domain homed.com authoritative home=HTB1
        person r mail=r@relay.com, person h mail=h@homed.com, person n mail=n@example.com
        Out [HTA1] *;1"""),
    "W11-linked-connector": (
        "All mail of a receive connector leaves by one send connector",
        """A-B 10, receive HTA1 Apps, receive HTA1 Lost
        Star [HTA1] *;1
        Linked [HTA1] other.org;1 linked=HTA1/Apps smarthost=relay.example.com
        Off [HTA1] other.org;1 disabled linked=HTA1/Lost smarthost=relay.example.com"""),
    "W12-addresses-folded": (
        "Case of local part and domain, and several addresses of one entry",
        """A-B 10
        person m mail=First.Last@Example.COM home=HTB1 class=inetLocalMailRecipient \
mailLocalAddress=alias@example.com"""),
    "W13-link-to-nowhere": (
        "What a link or a connector names wrongly is left out, the rest works",
        "A-B 10\nGood [HTA1] *;50\nBad [NOSUCH] *;1"),
    "W14-size-limit-exact": ("A message as large as the limit passes",
                             "A-B 10 max=1MB\nOut [HTA1] *;1 max=1MB"),
    "W15-default-cost": ("A link without a cost costs 100", "A-B default, A-C 60, C-B 50"),
    "W16-forward": (
        "Forwards: inside, outside, a chain, a mail contact, a circle, a host with a new address",
        """A-B 10
        domain relay.com internalRelay
        person in mail=in@example.com class=inetLocalMailRecipient mailRoutingAddress=htb1@example.com
        person out mail=out@example.com class=inetLocalMailRecipient mailRoutingAddress=joe@f.com
        person chain mail=chain@example.com class=inetLocalMailRecipient mailRoutingAddress=in@example.com
        person contact mail=ann@f.com class=inetLocalMailRecipient mailRoutingAddress=ann@f.com
        person tick mail=tick@example.com class=inetLocalMailRecipient mailRoutingAddress=tack@example.com
        person tack mail=tack@example.com class=inetLocalMailRecipient mailRoutingAddress=tick@example.com
        person gone mail=gone@example.com class=inetLocalMailRecipient mailRoutingAddress=nobody@example.com
        Out [HTA1] *;1"""),
    "W17-group": (
        "Groups: members of several sites, a group in a group, a circle, an empty one",
        """A-B 10
        group staff mail=staff@example.com member=htb1 member=hta1
        group every mail=every@example.com member=cn=staff,ou=People,dc=example,dc=com \
rfc822=joe@f.com member=cn=every,ou=People,dc=example,dc=com
        group empty mail=empty@example.com member=nobody
        Out [HTA1] *;1"""),
    "W18-inside-senders-only": (
        "A recipient and a group that take mail from inside senders only, and small mail",
        """A-B 10
        person boss mail=boss@example.com home=HTA1 waypostRequireAuth=TRUE
        person tiny mail=tiny@example.com home=HTA1 waypostMaxMessageSize=1000
        person far mail=far@example.com home=HTB1 waypostMaxMessageSize=1000"""),
    "W19-duplicate-address": (
        "An address on two entries: one home or two",
        """A-B 10
        person d1 mail=two@example.com home=HTA1, person d2 mail=two@example.com home=HTB1
        person e1 mail=same@example.com home=HTB1, person e2 mail=same@example.com home=HTB1"""),
    "W20-postmaster": (
        "postmaster of any accepted domain goes to the organisation's",
        """A-B 10
        org Postmaster=htb1@example.com
        domain other.com authoritative
        domain own.com authoritative, person pm mail=postmaster@own.com home=HTA1"""),
    "W21-subaddress": (
        "The tag behind the delimiter is kept, unless the whole address is known",
        """A-B 10
        org SubaddressDelimiter=+
        person plain mail=plain@example.com home=HTB1
        person whole mail=plain+known@example.com home=HTA1"""),
    "W22-catch-all": (
        "Unknown recipients of a domain go to one entry",
        "A-B 10, domain catch.com authoritative catchall=htb1"),
    "W23-mail-host": (
        "The home by host name, and a foreign host in a relay domain",
        """A-B 10
        domain relay.com internalRelay
        person a mail=a@example.com class=inetLocalMailRecipient mailHost=HTB1.example.com
        person b mail=b@example.com class=inetLocalMailRecipient mailHost=other.example.net
        person c mail=c@relay.com class=inetLocalMailRecipient mailHost=other.example.net
        Out [HTA1] *;1"""),
    "W24-default-home": (
        "The home of an entry without one: the domain's, then the organisation's",
        """A-B 10, A-C 10
        org DefaultHomeServer=HTC1
        domain homed.com authoritative home=HTB1
        person h mail=h@homed.com, person n mail=n@example.com"""),
    "W25-organisation-size": (
        "The limits of the organisation come before resolution",
        """A-B 10
        org MaxSendSize=2000, org MaxReceiveSize=1000
        Out [HTA1] *;1"""),
    "W26-size-aware-routing": (
        "S02 with paths computed per size: a large message takes the wider way",
        "A-B 10, B-C 10 max=10MB, A-C 100, org SizeAwareRouting=TRUE\n"
        "Con [HTC1] *;1 max=35MB\nNear [HTA1] *;60 max=35MB"),
    "W27-catch-all-that-is-not-there": (
        "A catch-all that names no entry is as good as none",
        """site:A, +HTA1@A
        domain relay.com internalRelay catchall=gone, domain own.com authoritative catchall=gone
        Out [HTA1] *;1"""),
    "W28-catch-all-elsewhere": (
        "The catch-all takes it under its own address, whose domain then decides",
        """A-B 10, A-C 10
        org DefaultHomeServer=HTB1
        person all mail=all@example.com, person none mail=none@relay.com
        domain relay.com internalRelay catchall=all
        domain homed.com authoritative home=HTC1 catchall=none
        Out [HTA1] *;1"""),
    "W29-duplicate-of-one-home": (
        "Two entries with one address and one home, named by DN and by host; and two ways to forward",
        """A-B 10
        person h1 mail=host@example.com home=HTB1
        person h2 mail=host@example.com class=inetLocalMailRecipient mailHost=HTB1.example.com
        person f1 mail=far@example.com class=inetLocalMailRecipient mailRoutingAddress=x@f.com
        person f2 mail=far@example.com class=inetLocalMailRecipient mailRoutingAddress=x@f.com mailHost=HTB1.example.com
        Out [HTA1] *;1"""),
    "W30-mail-host-and-routing-address": (
        "To the host under the routing address, also if that is the entry's own",
        """A-B 10
        domain relay.com internalRelay
        person a mail=a@example.com class=inetLocalMailRecipient mailHost=HTB1.example.com mailRoutingAddress=a@example.com
        person b mail=b@example.com class=inetLocalMailRecipient mailHost=HTB1.example.com mailRoutingAddress=b2@f.com
        person c mail=c@relay.com class=inetLocalMailRecipient mailHost=other.example.net mailRoutingAddress=c@relay.com
        Out [HTA1] *;1"""),
    "W31-postmaster-of-nobody": (
        "The organisation's postmaster address is nobody's", "site:A, +HTA1@A"),
    "W32-dashes-on-a-hub": ("-- matches nothing on a hub",
                            "site:A, +HTA1@A\nInbound [HTA1] --;1 smarthost=in.example.com\n"
                            "Star [HTA1] *;10\ndomain fab.com internalRelay"),
    "W33-answer-format": (
        "The example of the answer's format: a row of five sites, hub site B",
        ROW + ", hub:B, Internet [HTD1] *;5"),
    "W34-subnets-of-ipv6": (
        "IPv6 as IPv4: the longest prefix; a server of two addresses; one that nothing holds",
        """A-B 10, B-C 10, site:A,B,C
        subnet 2001:db8::/32 A, subnet 2001:db8:1::/48 B, subnet 10.0.0.0/8 C
        +HT1 address=2001:db8:2::1, +HT2 address=2001:db8:1::1, +HT3 address=10.1.1.1
        +HT4 address=fd00::1
        person p2 mail=p2@example.com home=HT2, person p3 mail=p3@example.com home=HT3
        person p4 mail=p4@example.com home=HT4"""),
    "W35-imcea": (
        "An encapsulated address in an accepted domain is decoded, in another it is not",
        "site:A, +HTA1@A\nFax [HTA1] FAX:*;1 foreign\nNet [HTA1] *;10"),
    "W36-sixteen-forwards": (
        "Sixteen rewrites are followed, a seventeenth is not",
        "A-B 10, " + ", ".join(
            f"person f{i} mail=f{i}@example.com class=inetLocalMailRecipient "
            f"mailRoutingAddress={'htb1' if i == 0 else f'f{i - 1}'}@example.com"
            for i in range(17))),
    "W37-on-a-draining-server": (
        "A draining server finishes its queue: for itself it is hub and source, for others not",
        "A-B 10, B-C 10, site:B, +HTB1@B state=draining, +HTB2@B\n"
        "Own [HTB1] *;1\nOther [HTC1] *;50"),
    "W38-most-specific-accepted-domain": (
        "The domain itself before *.domain, the longer *.domain before the shorter",
        """site:A, +HTA1@A
        domain *.example.org authoritative, domain *.lab.example.org internalRelay
        domain one.lab.example.org authoritative
        Net [HTA1] *;1"""),
    "W39-fork-that-takes-no-copy": (
        "B, where F parts, has no active hub: what is left is split at the next fork",
        "A-B 10, B-C 10, C-D 10, C-E 10, B-F 10, site:B, +HTB1@B state=draining"),
    "W40-catch-all-on-an-edge": (
        "An edge lets in whom a catch-all will take",
        """site:A, +EDGE1 role=edge
        domain catch.com authoritative catchall=all, domain strict.com authoritative
        Inbound to A [EDGE1] --;1 smarthost=--"""),

    "X01-tie-by-name": (
        "A tie by the name, a dearer path, a hub site that is none, servers that are left out",
        DIAMOND + ", A-E 5, E-D 20, hub:B, site:B, +HTB1@B state=disabled, +HTD2@D state=draining, "
        "+MBXD@D role=mailbox"),
    "X02-parallel-links": (
        "Parallel links lose by cost, by size and by name",
        "L1{A,B} 10 max=5MB, L2{A,B} 10, L3{A,B} 20, L4{A,B} 10"),
    "X03-every-step": (
        "One connector for every step of the selection",
        """A-B 10, B-C 10, A-D 20, X-Y 10, +HTA2@A
        Off [HTA1] f.com;1 disabled
        Lost [HTX1] f.com;1
        Small [HTA1] f.com;1 max=1KB
        Scope [HTB1] f.com;1 scoped
        Other [HTA1] g.com;1 FAX:*;1 smarthost=s.example.com
        Wide [HTA1] *.com;1
        Dear [HTA1] f.com;50
        Far [HTC1] f.com;1
        Name [HTB1] f.com;11
        Near [HTB1] f.com;11"""),
    "X04-resolution": (
        "Each way by which an address becomes another",
        """A-B 10
        org SubaddressDelimiter=+, org Postmaster=htb1@example.com, org DefaultHomeServer=HTB1
        domain catch.com authoritative catchall=htb1, domain *.relay.com internalRelay
        person fwd mail=fwd@example.com class=inetLocalMailRecipient mailRoutingAddress=plain+x@example.com
        person plain mail=plain@example.com
        person contact mail=ann@f.com class=inetLocalMailRecipient mailRoutingAddress=ann@f.com
        person tick mail=tick@example.com class=inetLocalMailRecipient mailRoutingAddress=tack@example.com
        person tack mail=tack@example.com class=inetLocalMailRecipient mailRoutingAddress=tick@example.com
        group both mail=both@example.com member=hta1 rfc822=nobody@example.com
        Net [HTA1] *;1"""),
    "X05-limits-in-their-order": (
        "Receive connector, organisation, recipient, connector, link: each the first to refuse",
        """A-B 10 max=200
        org MaxSendSize=400, org MaxReceiveSize=300
        receive HTA1 In max=500
        person small mail=small@example.com home=HTB1 waypostMaxMessageSize=100
        Net [HTB1] *;1 max=250"""),
    "X06-one-link-for-all": (
        "One link joins eleven sites: the nearest detours are told, and that there are others",
        "L{A,B,C,D,E,F,G,H,I,J,M} 10, Far{J,K} 10"),
    "X07-no-way": (
        "What cannot be reached says why",
        "A-B 10, X-Y 10, off:B, site:Z, +MBZ@Z role=mailbox, A-Z 10, "
        "person z mail=z@example.com home=MBZ, person gone mail=gone@example.com "
        "class=inetLocalMailRecipient mailHost=gone.example.net"),
    "X08-message": (
        "One message to many: a copy for each way, and what is not sent",
        "A-B 10, B-C 10, B-D 10, hub:B, site:E\nNet [HTA1] *;1\nFax [HTC1] FAX:*;1 foreign\n"
        "person lost mail=lost@example.com class=inetLocalMailRecipient mailHost=no.example.net"),
}
