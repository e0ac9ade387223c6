/** What is done to one disk: compact, check, convert, resize; pages of one shape. */
@NullMarked
package io.satchel.app.disks;

import org.jspecify.annotations.NullMarked;
