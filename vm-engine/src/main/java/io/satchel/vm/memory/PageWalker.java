package io.satchel.vm.memory;

/**
 * Walks the guest's page tables (SDM volume 3, chapter 4): 32-bit paging with PSE and PSE-36, PAE,
 * and 4-level paging.
 *
 * <p>The accessed and dirty bits are set only by a walk that succeeds. The A20 mask applies to the
 * tables' own addresses too.
 */
public final class PageWalker {

  /** Bits of {@code access} and of the #PF error code. */
  public static final int PRESENT = 1;

  public static final int WRITE = 1 << 1;
  public static final int USER = 1 << 2;
  public static final int RESERVED = 1 << 3;
  public static final int FETCH = 1 << 4;

  /**
   * In {@code access} only: pages of the user are not allowed, as SMEP and SMAP (SDM volume 3,
   * section 4.6.1) demand of the supervisor.
   */
  public static final int SUPERVISOR_ONLY = 1 << 8;

  /** Answer of {@link #walk}: the access is allowed. */
  public static final int OK = -1;

  private static final long P = 1;
  private static final long RW = 1 << 1;
  private static final long US = 1 << 2;
  private static final long A = 1 << 5;
  private static final long D = 1 << 6;
  private static final long PS = 1 << 7;
  private static final long G = 1 << 8;
  private static final long NX = 1L << 63;

  private static final long CR0_WP = 1 << 16;
  private static final long CR4_PSE = 1 << 4;
  private static final long CR4_PAE = 1 << 5;
  private static final long CR4_PGE = 1 << 7;
  private static final long CR4_SMEP = 1 << 20;
  private static final long EFER_LMA = 1 << 10;
  private static final long EFER_NXE = 1 << 11;

  private final AddressMap map;

  /** MAXPHYADDR: address bits at and above it are reserved in PAE and 4-level tables. */
  private int physicalBits = 40;

  /** After a walk that succeeded: the physical address of the 4 KiB page. */
  public long frame;

  /** After a walk that succeeded: the translation survives a load of CR3. */
  public boolean global;

  /** After a walk that succeeded: bytes of the guest's page. */
  public long pageSize;

  public PageWalker(AddressMap map) {
    this.map = map;
  }

  /** Sets MAXPHYADDR, 32 to 52. */
  public void setPhysicalBits(int bits) {
    physicalBits = bits;
  }

  /**
   * Translates {@code linear} with paging on.
   *
   * @param access {@link #WRITE}, {@link #USER}, {@link #FETCH}, {@link #SUPERVISOR_ONLY} as they
   *     apply
   * @param addressMask the A20 mask
   * @return {@link #OK}, or the error code of the #PF
   */
  public int walk(
      long linear, int access, long cr0, long cr3, long cr4, long efer, long addressMask) {
    if ((cr4 & CR4_PAE) == 0) {
      return walk32(linear, access, cr0, cr3, cr4, addressMask);
    }
    return walk64(linear, access, cr0, cr3, cr4, efer, addressMask);
  }

  private int walk32(long linear, int access, long cr0, long cr3, long cr4, long addressMask) {
    int error = access & ((cr4 & CR4_SMEP) != 0 ? WRITE | USER | FETCH : WRITE | USER);
    long directory = (cr3 & 0xFFFF_F000L) + (linear >>> 20 & 0xFFC) & addressMask;
    long pde = map.read(directory, 4);
    if ((pde & P) == 0) {
      return error;
    }
    if ((pde & PS) != 0 && (cr4 & CR4_PSE) != 0) {
      if ((pde & 1 << 21) != 0) {
        return error | PRESENT | RESERVED;
      }
      if (!allowed(pde, access, cr0)) {
        return error | PRESENT;
      }
      mark(directory, 4, pde, (access & WRITE) != 0 ? A | D : A);
      frame = (pde & 0xFFC0_0000L) + ((pde & 0x1F_E000L) << 19) + (linear & 0x3F_F000L);
      global = (pde & G) != 0 && (cr4 & CR4_PGE) != 0;
      pageSize = 1 << 22;
      return OK;
    }
    long table = (pde & 0xFFFF_F000L) + (linear >>> 10 & 0xFFC) & addressMask;
    long pte = map.read(table, 4);
    if ((pte & P) == 0) {
      return error;
    }
    if (!allowed(pde & pte, access, cr0)) {
      return error | PRESENT;
    }
    mark(directory, 4, pde, A);
    mark(table, 4, pte, (access & WRITE) != 0 ? A | D : A);
    frame = pte & 0xFFFF_F000L;
    global = (pte & G) != 0 && (cr4 & CR4_PGE) != 0;
    pageSize = 1 << 12;
    return OK;
  }

  private int walk64(
      long linear, int access, long cr0, long cr3, long cr4, long efer, long addressMask) {
    boolean noExecute = (efer & EFER_NXE) != 0;
    boolean tellsFetch = noExecute || (cr4 & CR4_SMEP) != 0;
    int error = access & (tellsFetch ? WRITE | USER | FETCH : WRITE | USER);
    long addressBits = (1L << physicalBits) - 4096;
    long reserved = 0x000F_FFFF_FFFF_F000L & ~addressBits | (noExecute ? 0 : NX);
    boolean longMode = (efer & EFER_LMA) != 0;
    long rights = RW | US;
    long never = 0;
    long table;
    int level;
    long pml4Address = 0;
    long pml4e = 0;
    long pdptAddress = 0;
    long pdpte = 0;
    if (longMode) {
      pml4Address = (cr3 & addressBits) + (linear >>> 36 & 0xFF8) & addressMask;
      pml4e = map.read(pml4Address, 8);
      if ((pml4e & P) == 0) {
        return error;
      }
      if ((pml4e & (reserved | PS)) != 0) {
        return error | PRESENT | RESERVED;
      }
      rights &= pml4e;
      never |= pml4e & NX;
      pdptAddress = (pml4e & addressBits) + (linear >>> 27 & 0xFF8) & addressMask;
    } else {
      pdptAddress = (cr3 & 0xFFFF_FFE0L) + (linear >>> 27 & 0x18) & addressMask;
    }
    pdpte = map.read(pdptAddress, 8);
    if ((pdpte & P) == 0) {
      return error;
    }
    if (longMode) {
      rights &= pdpte;
      never |= pdpte & NX;
      if ((pdpte & reserved) != 0 || (pdpte & PS) != 0 && (pdpte & 0x3FFF_E000L) != 0) {
        return error | PRESENT | RESERVED;
      }
      if ((pdpte & PS) != 0) {
        if (!allowed(rights, access, cr0) || never != 0 && (access & FETCH) != 0) {
          return error | PRESENT;
        }
        mark(pml4Address, 8, pml4e, A);
        mark(pdptAddress, 8, pdpte, (access & WRITE) != 0 ? A | D : A);
        frame = (pdpte & addressBits & ~0x3FFF_FFFFL) + (linear & 0x3FFF_F000L);
        global = (pdpte & G) != 0 && (cr4 & CR4_PGE) != 0;
        pageSize = 1 << 30;
        return OK;
      }
    } else if ((pdpte & (reserved | NX | 0x1E6)) != 0) {
      return error | PRESENT | RESERVED;
    }
    long directory = (pdpte & addressBits) + (linear >>> 18 & 0xFF8) & addressMask;
    long pde = map.read(directory, 8);
    if ((pde & P) == 0) {
      return error;
    }
    boolean large = (pde & PS) != 0;
    if ((pde & reserved) != 0 || large && (pde & 0x1F_E000L) != 0) {
      return error | PRESENT | RESERVED;
    }
    rights &= pde;
    never |= pde & NX;
    long leafAddress = directory;
    long leaf = pde;
    if (!large) {
      leafAddress = (pde & addressBits) + (linear >>> 9 & 0xFF8) & addressMask;
      leaf = map.read(leafAddress, 8);
      if ((leaf & P) == 0) {
        return error;
      }
      if ((leaf & reserved) != 0) {
        return error | PRESENT | RESERVED;
      }
      rights &= leaf;
      never |= leaf & NX;
    }
    if (!allowed(rights, access, cr0) || never != 0 && (access & FETCH) != 0) {
      return error | PRESENT;
    }
    if (longMode) {
      mark(pml4Address, 8, pml4e, A);
      mark(pdptAddress, 8, pdpte, A);
    }
    if (!large) {
      mark(directory, 8, pde, A);
    }
    mark(leafAddress, 8, leaf, (access & WRITE) != 0 ? A | D : A);
    frame = large ? (leaf & addressBits & ~0x1F_FFFFL) + (linear & 0x1F_F000L) : leaf & addressBits;
    global = (leaf & G) != 0 && (cr4 & CR4_PGE) != 0;
    pageSize = large ? 1 << 21 : 1 << 12;
    return OK;
  }

  private static boolean allowed(long rights, int access, long cr0) {
    if ((access & USER) != 0 && (rights & US) == 0
        || (access & SUPERVISOR_ONLY) != 0 && (rights & US) != 0) {
      return false;
    }
    return (access & WRITE) == 0
        || (rights & RW) != 0
        || (access & USER) == 0 && (cr0 & CR0_WP) == 0;
  }

  private void mark(long address, int width, long entry, long bits) {
    if ((entry & bits) != bits) {
      map.write(address, width, entry | bits);
    }
  }
}
