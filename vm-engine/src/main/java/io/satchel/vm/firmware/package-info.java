/**
 * Satchel's own BIOS: a ROM of small stubs whose services are in Java, and the tables it leaves.
 */
@NullMarked
package io.satchel.vm.firmware;

import org.jspecify.annotations.NullMarked;
