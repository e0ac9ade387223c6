package io.satchel.vm.cpu;

/**
 * A processor's way from linear to physical addresses: page walks, the soft TLB, faults (SDM volume
 * 3, chapter 4).
 *
 * <p>Widths are in bytes: 1, 2, 4 or 8. Accesses may cross a page; a write that would fault on its
 * second page changes nothing.
 */
public final class Mmu {

  /** Called once, by the processor that owns this. */
  public void attach(CpuState cpu) {
    throw new UnsupportedOperationException();
  }

  /** Reads at the current privilege, zero-extended. Throws {@code GuestFault} #PF with CR2 set. */
  public long read(long linear, int width) {
    throw new UnsupportedOperationException();
  }

  /** Writes at the current privilege. */
  public void write(long linear, int width, long value) {
    throw new UnsupportedOperationException();
  }

  /** Reads as supervisor whatever the CPL: descriptor tables, TSS. */
  public long readSystem(long linear, int width) {
    throw new UnsupportedOperationException();
  }

  /** Writes as supervisor whatever the CPL. */
  public void writeSystem(long linear, int width, long value) {
    throw new UnsupportedOperationException();
  }

  /** Throws the #PF that a write at the current privilege would throw; writes nothing. */
  public void checkWrite(long linear, int width) {
    throw new UnsupportedOperationException();
  }

  /** As {@link #checkWrite}, as supervisor. */
  public void checkWriteSystem(long linear, int width) {
    throw new UnsupportedOperationException();
  }

  /** Forgets every translation, global ones too. */
  public void flushAll() {
    throw new UnsupportedOperationException();
  }

  /** What a load of CR3 does: forgets all but global translations. */
  public void flushNonGlobal() {
    throw new UnsupportedOperationException();
  }

  /** INVLPG. */
  public void flushPage(long linear) {
    throw new UnsupportedOperationException();
  }
}
