package io.satchel.vm.cpu;

import io.satchel.vm.memory.AddressMap;
import io.satchel.vm.memory.GuestMemory;
import io.satchel.vm.memory.PageWalker;
import io.satchel.vm.memory.SoftTlb;
import java.util.List;

/**
 * A processor's way from linear to physical addresses: page walks, the soft TLB, faults (SDM volume
 * 3, chapter 4).
 *
 * <p>Widths are in bytes: 1, 2, 4 or 8. Accesses may cross a page; a write that would fault on its
 * second page changes nothing.
 */
public final class Mmu {

  /** Told of the processor's own writes to host pages that carry the code mark. */
  @FunctionalInterface
  public interface CodeWatch {
    /** {@code width} bytes at {@code offset} of a host page are about to change. */
    void written(int hostPage, int offset, int width);
  }

  private static final int PAGE_SIZE = GuestMemory.PAGE_SIZE;

  private final AddressMap map;
  private final GuestMemory memory;
  private final PageWalker walker;
  private final SoftTlb userRead = new SoftTlb();
  private final SoftTlb userWrite = new SoftTlb();
  private final SoftTlb userFetch = new SoftTlb();
  private final SoftTlb systemRead = new SoftTlb();
  private final SoftTlb systemWrite = new SoftTlb();
  private final SoftTlb systemFetch = new SoftTlb();

  // Of the supervisor while SMAP lets it at user pages: EFLAGS.AC is set.
  private final SoftTlb openRead = new SoftTlb();
  private final SoftTlb openWrite = new SoftTlb();
  private CpuState cpu;
  private CodeWatch codeWatch = (page, offset, width) -> {};
  private int epoch;
  private int dataFills;

  /** The translation units of all processors of the machine, this one among them. */
  private Mmu[] peers = {this};

  /** By host page: this processor's engine holds decoded code of it. Empty while it is alone. */
  private boolean[] holdsCode = {};

  // Linear addresses that large pages were seen for: INVLPG there has to forget all of their
  // pieces, which the TLB holds as pages of 4 KiB.
  private long largeFirst = -1;
  private long largeLast;
  private long largestPage;

  /** A translation unit in front of {@code map}, whose changes it listens to. */
  @SuppressWarnings("NullAway.Init")
  public Mmu(AddressMap map) {
    this.map = map;
    memory = map.memory();
    walker = new PageWalker(map);
    map.onChange(this::flushAll);
    map.onDirtyCleared(this::flushWritable);
  }

  /** Called once, by the processor that owns this. */
  public void attach(CpuState owner) {
    cpu = owner;
  }

  /**
   * Makes the translation units of a machine's processors known to each other: a store by one drops
   * what any of them has decoded.
   */
  public static void join(List<Mmu> processors) {
    if (processors.size() > 1) {
      for (Mmu mmu : processors) {
        mmu.peers = processors.toArray(Mmu[]::new);
        mmu.holdsCode = new boolean[mmu.memory.bytes().length >>> GuestMemory.PAGE_BITS];
      }
    }
  }

  public AddressMap map() {
    return map;
  }

  public PageWalker walker() {
    return walker;
  }

  /** {@code watch} is asked before a store of this processor changes decoded code. */
  public void watchCode(CodeWatch watch) {
    codeWatch = watch;
  }

  /** The translations for reads at the current privilege. */
  public SoftTlb readTlb() {
    return cpu.cpl == 3 ? userRead : open() ? openRead : systemRead;
  }

  /** The translations for writes at the current privilege. */
  public SoftTlb writeTlb() {
    return cpu.cpl == 3 ? userWrite : open() ? openWrite : systemWrite;
  }

  /** Whether SMAP is on, and EFLAGS.AC lets the supervisor's own accesses pass it. */
  private boolean open() {
    return (cpu.cr4 & CpuState.CR4_SMAP) != 0 && (cpu.systemFlags & CpuState.AC) != 0;
  }

  /** What the walk is to check besides, for a translation in {@code tlb}. */
  private int dataAccess(SoftTlb tlb) {
    if (tlb == userRead || tlb == userWrite) {
      return PageWalker.USER;
    }
    boolean closed =
        (tlb == systemRead || tlb == systemWrite) && (cpu.cr4 & CpuState.CR4_SMAP) != 0;
    return closed ? PageWalker.SUPERVISOR_ONLY : 0;
  }

  /** The translations for reads as user or as supervisor. */
  public SoftTlb readTlb(boolean user) {
    return user ? userRead : systemRead;
  }

  /** The translations for writes as user or as supervisor. */
  public SoftTlb writeTlb(boolean user) {
    return user ? userWrite : systemWrite;
  }

  /**
   * The host page that {@link #fetchPage} would give, if the translation is at hand; otherwise -1.
   * Changes nothing.
   */
  public int knownFetchPage(long linear) {
    SoftTlb tlb = cpu.cpl == 3 ? userFetch : systemFetch;
    int index = SoftTlb.index(linear);
    long tag = tlb.tags[index];
    return tlb.holds(index, linear & SoftTlb.PAGE) && (tag & SoftTlb.DEVICE) == 0
        ? (int) tag + tlb.addends[index] >>> 12
        : -1;
  }

  /**
   * What {@link #fetchPage} gives, but -1 where it would fault. The processor may walk for what it
   * does not execute in the end, accessed flags included (SDM volume 3, section 4.10.2.3).
   */
  public int fetchPageOrNone(long linear) {
    SoftTlb tlb = cpu.cpl == 3 ? userFetch : systemFetch;
    int index = SoftTlb.index(linear);
    if (!tlb.holds(index, linear & SoftTlb.PAGE)
        && tryFill(tlb, fetchAccess(), linear) != PageWalker.OK) {
      return -1;
    }
    long tag = tlb.tags[index];
    return (tag & SoftTlb.DEVICE) != 0 ? -1 : (int) tag + tlb.addends[index] >>> 12;
  }

  /** Changes whenever a translation may have been forgotten. */
  public int epoch() {
    return epoch;
  }

  /** Decoded code was dropped: what was found under earlier epochs is to be looked up again. */
  public void codeChanged() {
    epoch++;
  }

  /** Counts the translations that data accesses have entered into the soft TLB so far. */
  public int dataFills() {
    return dataFills;
  }

  /** Reads at the current privilege, zero-extended. Throws {@code GuestFault} #PF with CR2 set. */
  public long read(long linear, int width) {
    return read(readTlb(), linear, width);
  }

  /** Writes at the current privilege. */
  public void write(long linear, int width, long value) {
    write(writeTlb(), linear, width, value);
  }

  /** Reads as supervisor whatever the CPL: descriptor tables, TSS. */
  public long readSystem(long linear, int width) {
    return read(systemRead, linear, width);
  }

  /** Writes as supervisor whatever the CPL. */
  public void writeSystem(long linear, int width, long value) {
    write(systemWrite, linear, width, value);
  }

  /** Throws the #PF that a write at the current privilege would throw; writes nothing. */
  public void checkWrite(long linear, int width) {
    checkWrite(writeTlb(), linear, width);
  }

  /** As {@link #checkWrite}, as supervisor. */
  public void checkWriteSystem(long linear, int width) {
    checkWrite(systemWrite, linear, width);
  }

  /**
   * The host page that instructions at {@code linear} are fetched from at the current privilege, or
   * -1 when it is no host memory. Throws #PF.
   */
  public int fetchPage(long linear) {
    SoftTlb tlb = cpu.cpl == 3 ? userFetch : systemFetch;
    int index = fetchIndex(tlb, linear);
    long tag = tlb.tags[index];
    return (tag & SoftTlb.DEVICE) != 0 ? -1 : (int) tag + tlb.addends[index] >>> 12;
  }

  /** Fetches one byte of an instruction. */
  public int fetch(long linear) {
    SoftTlb tlb = cpu.cpl == 3 ? userFetch : systemFetch;
    int index = fetchIndex(tlb, linear);
    if ((tlb.tags[index] & SoftTlb.DEVICE) != 0) {
      return (int) map.read(physical(tlb, index, linear), 1);
    }
    return memory.read8((int) linear + tlb.addends[index]);
  }

  private int fetchIndex(SoftTlb tlb, long linear) {
    int index = SoftTlb.index(linear);
    if (!tlb.holds(index, linear & SoftTlb.PAGE)) {
      if (linear << 16 >> 16 != linear) {
        throw cpu.gp(0);
      }
      fill(tlb, fetchAccess(), linear);
    }
    return index;
  }

  private int fetchAccess() {
    boolean closed = (cpu.cr4 & CpuState.CR4_SMEP) != 0;
    int supervisor = closed ? PageWalker.SUPERVISOR_ONLY : 0;
    return PageWalker.FETCH | (cpu.cpl == 3 ? PageWalker.USER : supervisor);
  }

  private long read(SoftTlb tlb, long linear, int width) {
    int index = SoftTlb.index(linear);
    if (tlb.tags[index] == (linear + width - 1 & SoftTlb.PAGE)) {
      return hostRead((int) linear + tlb.addends[index], width);
    }
    return readSlow(tlb, dataAccess(tlb), linear, width);
  }

  private long readSlow(SoftTlb tlb, int access, long linear, int width) {
    int first = PAGE_SIZE - ((int) linear & (PAGE_SIZE - 1));
    if (first < width) {
      long next = wrap(linear + first);
      lookUp(tlb, access, linear);
      lookUp(tlb, access, next);
      long value = 0;
      for (int i = 0; i < width; i++) {
        long at = i < first ? linear + i : next + i - first;
        value |= readSlow(tlb, access, at, 1) << 8 * i;
      }
      return value;
    }
    int index = lookUp(tlb, access, linear);
    if ((tlb.tags[index] & SoftTlb.WATCH) != 0) {
      Breakpoints.data(cpu, linear, width, false);
    }
    if ((tlb.tags[index] & SoftTlb.DEVICE) != 0) {
      return map.read(physical(tlb, index, linear), width);
    }
    return hostRead((int) linear + tlb.addends[index], width);
  }

  private void write(SoftTlb tlb, long linear, int width, long value) {
    int index = SoftTlb.index(linear);
    if (tlb.tags[index] == (linear + width - 1 & SoftTlb.PAGE)) {
      hostWrite((int) linear + tlb.addends[index], width, value);
    } else {
      writeSlow(tlb, dataAccess(tlb) | PageWalker.WRITE, linear, width, value);
    }
  }

  private void writeSlow(SoftTlb tlb, int access, long linear, int width, long value) {
    int first = PAGE_SIZE - ((int) linear & (PAGE_SIZE - 1));
    if (first < width) {
      long next = wrap(linear + first);
      lookUp(tlb, access, linear);
      lookUp(tlb, access, next);
      for (int i = 0; i < width; i++) {
        long at = i < first ? linear + i : next + i - first;
        writeSlow(tlb, access, at, 1, value >>> 8 * i);
      }
      return;
    }
    int index = lookUp(tlb, access, linear);
    long tag = tlb.tags[index];
    if ((tag & SoftTlb.WATCH) != 0) {
      Breakpoints.data(cpu, linear, width, true);
    }
    if ((tag & SoftTlb.DEVICE) != 0) {
      map.write(physical(tlb, index, linear), width, value);
      return;
    }
    int offset = (int) linear + tlb.addends[index];
    if ((tag & SoftTlb.CODE) != 0) {
      int page = offset >>> GuestMemory.PAGE_BITS;
      codeStore(page, offset & (PAGE_SIZE - 1), width);
      if (!memory.isCode(page)) {
        tlb.unprotect(index);
      }
    }
    hostWrite(offset, width, value);
  }

  private void codeStore(int page, int offset, int width) {
    if (peers.length == 1) {
      codeWatch.written(page, offset, width);
      return;
    }
    // Each engine takes the mark off when it has no more code of the page: the mark is first made
    // this engine's own, and in the end that of all.
    boolean any = false;
    for (Mmu peer : peers) {
      if (peer.holdsCode[page]) {
        memory.setCode(page, true);
        peer.codeWatch.written(page, offset, width);
        peer.holdsCode[page] = memory.isCode(page);
        any |= memory.isCode(page);
      }
    }
    memory.setCode(page, any);
  }

  private void checkWrite(SoftTlb tlb, long linear, int width) {
    int access = dataAccess(tlb);
    lookUp(tlb, access | PageWalker.WRITE, linear);
    int first = PAGE_SIZE - ((int) linear & (PAGE_SIZE - 1));
    if (first < width) {
      lookUp(tlb, access | PageWalker.WRITE, wrap(linear + first));
    }
  }

  private long wrap(long linear) {
    return cpu.longMode() ? linear : linear & 0xFFFF_FFFFL;
  }

  private static long physical(SoftTlb tlb, int index, long linear) {
    return (tlb.addends[index] & 0xFFFF_FFFFL) << 12 | linear & (PAGE_SIZE - 1);
  }

  private int lookUp(SoftTlb tlb, int access, long linear) {
    int index = SoftTlb.index(linear);
    if (!tlb.holds(index, linear & SoftTlb.PAGE)) {
      fill(tlb, access, linear);
    }
    return index;
  }

  private void fill(SoftTlb tlb, int access, long linear) {
    int error = tryFill(tlb, access, linear);
    if (error != PageWalker.OK) {
      cpu.cr2 = linear;
      throw cpu.fault(GuestFault.PF, error);
    }
  }

  /** Enters the translation of a page; otherwise gives the error code that #PF would have. */
  private int tryFill(SoftTlb tlb, int access, long linear) {
    long mask = cpu.a20 ? -1L : ~(1L << 20);
    long frame = linear & SoftTlb.PAGE;
    boolean global = false;
    if ((cpu.cr0 & CpuState.CR0_PG) != 0) {
      int error = walker.walk(linear, access, cpu.cr0, cpu.cr3, cpu.cr4, cpu.efer, mask);
      if (error != PageWalker.OK) {
        return error;
      }
      frame = walker.frame;
      global = walker.global;
      if (walker.pageSize > PAGE_SIZE) {
        long start = linear & -walker.pageSize;
        largeFirst = largeFirst == -1 ? start : Math.min(largeFirst, start);
        largeLast = Math.max(largeLast, start + walker.pageSize - 1);
        largestPage = Math.max(largestPage, walker.pageSize);
      }
    }
    long page = (frame & mask) >>> GuestMemory.PAGE_BITS;
    boolean write = (access & PageWalker.WRITE) != 0;
    int entry = write ? map.writeEntry(page) : map.readEntry(page);
    int flags = 0;
    if (entry < 0) {
      flags = SoftTlb.DEVICE;
      entry = (int) page;
    } else if (write) {
      memory.setDirty(entry);
      flags = memory.isCode(entry) ? SoftTlb.CODE : 0;
    }
    boolean data = (access & PageWalker.FETCH) == 0;
    if (data) {
      dataFills++;
      if (Breakpoints.any(cpu) && Breakpoints.watchesPage(cpu, linear & SoftTlb.PAGE)) {
        flags |= SoftTlb.WATCH;
      }
    }
    tlb.enter(linear & SoftTlb.PAGE, entry, flags, global);
    return PageWalker.OK;
  }

  private long hostRead(int offset, int width) {
    return switch (width) {
      case 1 -> memory.read8(offset);
      case 2 -> memory.read16(offset);
      case 4 -> memory.read32(offset) & 0xFFFF_FFFFL;
      default -> memory.read64(offset);
    };
  }

  private void hostWrite(int offset, int width, long value) {
    switch (width) {
      case 1 -> memory.put8(offset, (int) value);
      case 2 -> memory.put16(offset, (int) value);
      case 4 -> memory.put32(offset, (int) value);
      default -> memory.put64(offset, value);
    }
  }

  /** The host offset for reads up to the end of the page, or -1 for a device. Throws #PF. */
  public int hostForRead(long linear) {
    SoftTlb tlb = readTlb();
    int index = lookUp(tlb, dataAccess(tlb), linear);
    return (tlb.tags[index] & ~SoftTlb.PAGE) == 0 ? (int) linear + tlb.addends[index] : -1;
  }

  /**
   * The host offset for writes up to the end of the page, or -1 for a device and for decoded code.
   * Throws #PF.
   */
  public int hostForWrite(long linear) {
    SoftTlb tlb = writeTlb();
    int index = lookUp(tlb, dataAccess(tlb) | PageWalker.WRITE, linear);
    return (tlb.tags[index] & ~SoftTlb.PAGE) == 0 ? (int) linear + tlb.addends[index] : -1;
  }

  /** Marks a host page as holding decoded code: stores to it are announced from now on. */
  public void protectCode(int hostPage) {
    if (peers.length > 1) {
      holdsCode[hostPage] = true;
    }
    if (!memory.isCode(hostPage)) {
      memory.setCode(hostPage, true);
      for (Mmu peer : peers) {
        peer.userWrite.protect(hostPage);
        peer.systemWrite.protect(hostPage);
        peer.openWrite.protect(hostPage);
      }
    }
  }

  /** Forgets every translation, global ones too. */
  public void flushAll() {
    epoch++;
    largeFirst = -1;
    largeLast = 0;
    largestPage = 0;
    userRead.flushAll();
    userWrite.flushAll();
    userFetch.flushAll();
    systemRead.flushAll();
    systemWrite.flushAll();
    systemFetch.flushAll();
    openRead.flushAll();
    openWrite.flushAll();
  }

  /** What a load of CR3 does: forgets all but global translations. */
  public void flushNonGlobal() {
    epoch++;
    userRead.flushNonGlobal();
    userWrite.flushNonGlobal();
    userFetch.flushNonGlobal();
    systemRead.flushNonGlobal();
    systemWrite.flushNonGlobal();
    systemFetch.flushNonGlobal();
    openRead.flushNonGlobal();
    openWrite.flushNonGlobal();
  }

  /** INVLPG. */
  public void flushPage(long linear) {
    epoch++;
    if (largeFirst != -1 && linear >= largeFirst && linear <= largeLast) {
      // How large its page was when the pieces were entered, nobody knows any more.
      long start = linear & -largestPage;
      userRead.flushRange(start, largestPage);
      userWrite.flushRange(start, largestPage);
      userFetch.flushRange(start, largestPage);
      systemRead.flushRange(start, largestPage);
      systemWrite.flushRange(start, largestPage);
      systemFetch.flushRange(start, largestPage);
      openRead.flushRange(start, largestPage);
      openWrite.flushRange(start, largestPage);
      return;
    }
    userRead.flushPage(linear);
    userWrite.flushPage(linear);
    userFetch.flushPage(linear);
    systemRead.flushPage(linear);
    systemWrite.flushPage(linear);
    systemFetch.flushPage(linear);
    openRead.flushPage(linear);
    openWrite.flushPage(linear);
  }

  private void flushWritable() {
    userWrite.flushAll();
    systemWrite.flushAll();
    openWrite.flushAll();
  }
}
