/** What differs between two states of a computer's disks: files, and keys of the registry. */
@NullMarked
package io.satchel.app.compare;

import org.jspecify.annotations.NullMarked;
