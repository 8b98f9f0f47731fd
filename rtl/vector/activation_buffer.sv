// Codes of activations: two buffers of Blocks blocks of 256 columns, for each token. All lanes
// write a row of a round at once, and an entry of the engine's operands is read at once.
//
// A word holds column k of each four columns of half a block: entry k of the engine's operands. The
// code of lane l and row r in round j is element e = 8 * (j * Lanes + l) + r: its word's k is r mod
// 4, and its byte is e / 4 mod 32.
module activation_buffer #(
  parameter int unsigned Lanes  = 4,   // a power of two, 2 to 64
  parameter int unsigned Slots  = 4,   // a power of two
  parameter int unsigned Blocks = 64,  // a power of two
  localparam int unsigned Queries = Slots / 2,
  localparam int unsigned SlotW   = $clog2(Slots),
  localparam int unsigned BlockW  = $clog2(Blocks),
  localparam int unsigned RoundW  = BlockW + 5 - $clog2(Lanes),
  localparam int unsigned LineW   = 4 * 8 * Slots * 8
) (
  input  logic               clk_i,
  // A row of a round in all lanes.
  input  logic               we_i,
  input  logic               wbuffer_i,
  input  logic [SlotW-1:0]   wtoken_i,
  input  logic [2:0]         row_i,
  input  logic [RoundW-1:0]  round_i,
  input  logic [8*Lanes-1:0] code_i,
  // Entry k of the segments 4 half to 4 half + 3 of a block, two cycles later.
  input  logic               re_i,
  input  logic               rbuffer_i,
  input  logic [BlockW-1:0]  block_i,
  input  logic               half_i,
  input  logic [1:0]         entry_i,
  input  logic               both_i,   // in both halves of slots, tokens of one half
  input  logic               upper_i,  // of the second one
  output logic [LineW-1:0]   line_o    // [bus][code][half of slots][query]
);
  localparam int unsigned WordLanes = 16;  // whose codes fill a word
  localparam int unsigned Bytes     = 32;
  localparam int unsigned Banks     = Lanes > WordLanes ? Lanes / WordLanes : 1;
  localparam int unsigned BankW     = $clog2(Banks);
  localparam int unsigned Parts     = Lanes < WordLanes ? WordLanes / Lanes : 1;
  localparam int unsigned PartW     = $clog2(Parts);
  localparam int unsigned HalfW     = BlockW + 1;  // of the number of a half block
  localparam int unsigned AddrW     = 1 + HalfW - BankW + 2;
  if (Lanes < 2 || Lanes > 64 || 2 ** $clog2(Lanes) != Lanes || Slots < 2 || 2 ** SlotW != Slots ||
      Blocks < 2 || 2 ** BlockW != Blocks) begin : gen_check_sizes
    $error("Lanes (2 to 64), Slots and Blocks must be powers of two");
  end

  // Where a row goes: Banks words, or a part of one.
  logic [AddrW-1:0]         waddr, raddr;
  logic [HalfW-1:0]         rhalf;
  logic [Bytes-1:0]         be;
  logic [8*Bytes*Banks-1:0] wdata;
  assign waddr = {wbuffer_i, round_i[RoundW-1:PartW], row_i[1:0]};
  assign rhalf = {block_i, half_i};
  assign raddr = {rbuffer_i, rhalf[HalfW-1:BankW], entry_i};
  for (genvar b = 0; b < Bytes; b++) begin : gen_byte
    // Bytes 2 l and 2 l + 1 are those of lane l, or of the part that has it.
    localparam int unsigned Lane = b / 2;
    if (Parts == 1) begin : gen_whole
      assign be[b] = row_i[2] == 1'(b);
    end else begin : gen_part
      assign be[b] = row_i[2] == 1'(b) && round_i[PartW-1:0] == PartW'(Lane / Lanes);
    end
    for (genvar i = 0; i < Banks; i++) begin : gen_bank
      localparam int unsigned From = (WordLanes * i + Lane) % Lanes;
      assign wdata[8*(Bytes*i+b) +: 8] = code_i[8*From +: 8];
    end
  end

  // Which half of the slots takes tokens of the other half.
  logic [1:0] crosses_q;
  always_ff @(posedge clk_i) crosses_q <= {both_i && !upper_i, both_i && upper_i};
  logic [8*Bytes*Slots-1:0] word;  // [token][byte]
  for (genvar t = 0; t < Slots; t++) begin : gen_token
    logic [8*Bytes*Banks-1:0] words;
    for (genvar i = 0; i < Banks; i++) begin : gen_bank
      ram_1w1r_be #(.Bytes(Bytes), .Depth(2 ** AddrW), .Style("block")) u_ram (
        .clk_i, .we_i(we_i && wtoken_i == SlotW'(t)), .be_i(be), .waddr_i(waddr),
        .wdata_i(wdata[8*Bytes*i +: 8*Bytes]), .re_i, .raddr_i(raddr),
        .rdata_o(words[8*Bytes*i +: 8*Bytes])
      );
    end
    if (Banks == 1) begin : gen_one_bank
      assign word[8*Bytes*t +: 8*Bytes] = words;
    end else begin : gen_banks
      logic [BankW-1:0] bank_q;
      always_ff @(posedge clk_i) if (re_i) bank_q <= rhalf[BankW-1:0];
      assign word[8*Bytes*t +: 8*Bytes] = words[8*Bytes*bank_q +: 8*Bytes];
    end
  end

  // Bytes of a token to the slots that take it.
  for (genvar b = 0; b < Bytes; b++) begin : gen_line
    for (genvar s = 0; s < Slots; s++) begin : gen_slot
      localparam int unsigned Other = (s + Queries) % Slots;
      always_ff @(posedge clk_i) begin
        line_o[8*(Slots*b+s) +: 8] <= crosses_q[s/Queries] ? word[8*(Bytes*Other+b) +: 8]
                                                           : word[8*(Bytes*s+b) +: 8];
      end
    end
  end
endmodule
