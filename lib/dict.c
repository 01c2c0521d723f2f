#include "dict.h"

unsigned
dict_vr(uint32_t tag)
{
	size_t lo = 0, hi = dict_count;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		uint32_t t = (uint32_t)(dict_entries[mid] >> 16);

		if (t == tag)
			return (unsigned)(dict_entries[mid] & 0xffff);
		if (t < tag)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

void
dict_each(unsigned vr, void (*fn)(void *arg, uint32_t tag), void *arg)
{
	size_t i;

	for (i = 0; i < dict_count; i++)
		if ((dict_entries[i] & 0xffff) == vr)
			fn(arg, (uint32_t)(dict_entries[i] >> 16));
}
