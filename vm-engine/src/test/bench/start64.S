/* As start.S, but on to 64-bit code: a multiboot loader enters 32-bit code only. */
    .set MAGIC, 0x1BADB002
    .set FLAGS, 0
    .section .multiboot,"a"
    .align 4
    .long MAGIC, FLAGS, -(MAGIC+FLAGS)
    .section .text
    .code32
    .globl _start
_start:
    cli
    movl $stack_top, %esp
    /* 1 GiB one to one in pages of 2 MiB */
    movl $pdpt+3, pml4
    movl $pd+3, pdpt
    movl $pd, %edi
    movl $0x83, %eax
1:  movl %eax, (%edi)
    addl $8, %edi
    addl $0x200000, %eax
    cmpl $pd+4096, %edi
    jb 1b
    movl %cr4, %eax
    orl $0x620, %eax    /* PAE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xC0000080, %ecx
    rdmsr
    orl $0x100, %eax    /* LME */
    wrmsr
    movl %cr0, %eax
    andl $~4, %eax      /* EM off */
    orl $0x80010002, %eax
    movl %eax, %cr0
    lgdt gdt_pointer
    ljmp $8, $2f
    .code64
2:  movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movq $stack_top, %rsp
    fninit
    movb $'S', %al
    outb %al, $0xe9
    call bench
    movl %eax, %ebx
    movb $'E', %al
    outb %al, $0xe9
    movl %ebx, %edi
    call puthex
    movb $'\n', %al
    outb %al, $0xe9
    movl $0, %eax
    outl %eax, $0xf4
3:  hlt
    jmp 3b
    .data
    .align 8
gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
    .word 23
    .long gdt
    .bss
    .align 4096
pml4: .skip 4096
pdpt: .skip 4096
pd: .skip 4096
stack: .skip 65536
stack_top:
