/** LUKS: encrypted disks whose key lies in the file, locked by pass phrases. */
@NullMarked
package io.satchel.image.format.luks;

import org.jspecify.annotations.NullMarked;
