/** Partition tables: MBR with logical drives, and GPT. */
@NullMarked
package io.satchel.image.partition;

import org.jspecify.annotations.NullMarked;
