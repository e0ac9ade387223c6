    .set MAGIC, 0x1BADB002
    .set FLAGS, 0
    .section .multiboot,"a"
    .align 4
    .long MAGIC, FLAGS, -(MAGIC+FLAGS)
    .section .text
    .globl _start
_start:
    cli
    movl $stack_top, %esp
    /* page directory: 16 tables = 64 MiB identity, 4K pages */
    movl $pgdir, %edi
    movl $pgtabs+7, %eax
    movl $16, %ecx
1:  movl %eax, (%edi)
    addl $4, %edi
    addl $4096, %eax
    decl %ecx
    jnz 1b
    movl $pgtabs, %edi
    movl $7, %eax
    movl $16384, %ecx
2:  movl %eax, (%edi)
    addl $4, %edi
    addl $4096, %eax
    decl %ecx
    jnz 2b
    movl $pgdir, %eax
    movl %eax, %cr3
    movl %cr0, %eax
    andl $~4, %eax      /* EM off */
    orl $0x80010002, %eax
    movl %eax, %cr0
    jmp 3f
3:  fninit
    movb $'S', %al
    outb %al, $0xe9
    call bench
    pushl %eax
    movb $'E', %al
    outb %al, $0xe9
    call puthex
    movb $'\n', %al
    outb %al, $0xe9
    movl $0, %eax
    outl %eax, $0xf4
4:  hlt
    jmp 4b
    .bss
    .align 4096
pgdir: .skip 4096
pgtabs: .skip 65536
stack: .skip 65536
stack_top:
