package io.satchel.vm.api;

import java.time.Instant;

/**
 * A saved machine, as its disk lists it.
 *
 * @param id unique in its disk
 * @param time when it was saved, by the host's clock
 * @param clockNanos how long the computer had run, in virtual time
 * @param stateBytes what the state takes in the disk image; 0 when only the disk was saved
 */
public record Snapshot(String id, String name, Instant time, long clockNanos, long stateBytes) {}
