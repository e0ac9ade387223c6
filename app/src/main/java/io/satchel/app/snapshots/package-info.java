/** The snapshots of a computer as a timeline: taken, gone back to, branched, deleted. */
@NullMarked
package io.satchel.app.snapshots;

import org.jspecify.annotations.NullMarked;
