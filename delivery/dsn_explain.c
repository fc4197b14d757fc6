/*
 * Enhanced status codes in plain words: the cause for the first line of a notification, and
 * what its reader can do. RFC 3463 §3, RFC 5248 and the registry it set up.
 */
#include "delivery/dsn.h"

#include <string.h>

/* "x" stands for anything. The first row that fits is taken: exact ones come before general. */
static const struct {
	const char *status;
	const char *cause;  /* goes on behind a colon, without a full stop */
	const char *remedy; /* whole sentences, or nothing to be done */
} rows[] = {
	{ "2.x.x", "it was taken", "" },
	{ "5.1.1", "the address does not exist there",
	  "Check the spelling of the address and send the message again." },
	{ "5.1.2", "the domain of the address does not exist",
	  "Check the spelling of the part behind the @ and send the message again." },
	{ "5.1.3", "the address is not well formed",
	  "Check the spelling of the address and send the message again." },
	{ "5.1.4", "the address belongs to more than one recipient",
	  "Tell the administrator of the recipient's organisation." },
	{ "5.1.6", "the recipient has moved and left no new address",
	  "Ask the recipient for the new address in another way." },
	{ "5.1.7", "the sender's address is not well formed",
	  "Check the sender's address in your mail program." },
	{ "5.1.8", "the domain of the sender's address is not accepted",
	  "Check the sender's address in your mail program." },
	{ "5.1.10", "the domain takes no mail at all",
	  "Check the spelling of the part behind the @; this domain has no mailboxes." },
	{ "5.2.1", "the mailbox is switched off", "Reach the recipient in another way." },
	{ "x.2.2", "the recipient's mailbox is full",
	  "Ask the recipient to make room, then send the message again." },
	{ "5.2.3", "the message is larger than the recipient may receive",
	  "Make the message smaller, for example send a link in place of the attachment." },
	{ "5.2.4", "the mailing list could not be expanded", "Tell the owner of the list." },
	{ "5.3.0", "a system on its way had a failure",
	  "Send the message again; if it fails again, tell your administrator." },
	{ "4.3.1", "the receiving system has no room left", "Send the message again later." },
	{ "5.3.4", "the message is larger than a system on its way takes",
	  "Make the message smaller, for example send a link in place of the attachment." },
	{ "x.3.5", "a system on the way is not set up correctly", "Tell your administrator." },
	{ "x.4.1", "the receiving system did not answer",
	  "Send the message again later; if it fails again, tell your administrator." },
	{ "x.4.2", "the connection to the receiving system broke",
	  "Send the message again later; if it fails again, tell your administrator." },
	{ "x.4.3", "the name service did not answer",
	  "Send the message again later; if it fails again, tell your administrator." },
	{ "x.4.4", "no way to the recipient's system is known",
	  "Tell your administrator: no connector or server takes mail for this address." },
	{ "x.4.6", "the message went round in a circle",
	  "Tell your administrator: two systems each believe that the other has the mailbox." },
	{ "x.4.7", "it could not be delivered in the time allowed",
	  "Send the message again; if it fails again, tell your administrator." },
	{ "x.5.3", "it has too many recipients",
	  "Send the message to fewer recipients at a time." },
	{ "5.6.1", "the message has contents that the receiving system cannot take",
	  "Send it in another format." },
	{ "5.6.3", "the message has 8-bit text and the receiving system takes 7-bit text only",
	  "Set your mail program to encode messages as quoted-printable." },
	{ "5.6.7", "the address has letters that the receiving system cannot take",
	  "Ask the recipient for an address in plain Latin letters." },
	{ "5.6.11", "the message has lines that do not end as the standard wants",
	  "Tell the maker of the program that sent it." },
	{ "5.7.1", "the receiving system does not permit it",
	  "If you think it should, send the text below to the recipient's administrator." },
	{ "5.7.10", "the receiving system demands encryption", "Tell your administrator." },
	{ "x.7.10", "the connection could not be encrypted", "Tell your administrator." },
	{ "x.7.5", "the receiving system could not prove who it is",
	  "Tell your administrator." },
	/* by subject */
	{ "x.1.x", "there is something wrong with an address",
	  "Check the spelling of the address and send the message again." },
	{ "x.2.x", "the mailbox does not take the message",
	  "Reach the recipient in another way." },
	{ "x.3.x", "the receiving system cannot take the message",
	  "Send the message again later." },
	{ "x.4.x", "the receiving system could not be reached",
	  "Send the message again later; if it fails again, tell your administrator." },
	{ "x.5.x", "the mail systems did not understand each other",
	  "Tell your administrator." },
	{ "x.6.x", "the receiving system cannot take the contents of the message",
	  "Send it in another format." },
	{ "x.7.x", "it was refused by a rule of security or policy",
	  "If you think it should pass, send the text below to the recipient's "
	  "administrator." },
	/* by class */
	{ "4.x.x", "the receiving system cannot take the message now",
	  "Send the message again later; if it fails again, tell your administrator." },
	{ "x.x.x", "the receiving system refused it",
	  "The text below may say why; if not, ask your administrator." },
};

/* Does STATUS fit the pattern, part by part, where "x" fits anything? */
static bool fits(const char *pattern, const char *status)
{
	while (*pattern) {
		size_t n = strcspn(pattern, "."), m = strcspn(status, ".");

		if (!(n == 1 && *pattern == 'x') && (n != m || memcmp(pattern, status, n) != 0))
			return false;
		pattern += n + (pattern[n] == '.');
		status += m + (status[m] == '.');
	}
	return true;
}

void dsn_explain(const char *status, const char **cause_r, const char **remedy_r)
{
	size_t i = 0;

	while (i + 1 < WP_COUNT(rows) && !fits(rows[i].status, status))
		i++;
	*cause_r = rows[i].cause;
	*remedy_r = rows[i].remedy;
}
