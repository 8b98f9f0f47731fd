// Heads of queries, keys and values on their way from the banks into attention: rotated,
// transformed, and quantised. A job is one head of one token; four dimensions of it go a cycle.
//
//     banks -> head_reader -> rope -> hadamard -> query_quantize -> query_lines, query_factors
//                   |                     |
//                   +--- values wait -----+-> kv4_quantize
//
// Nothing inside waits. A key or value begins only if KV4 has room for all that is under way.
module head_unit #(
  parameter int unsigned Lanes = 4,        // a power of two, 2 to 32
  parameter int unsigned Slots = 4,        // a power of two, at least 2
  parameter int unsigned HeadQueries = 4,  // a multiple of Slots / 2, four times that at most
  parameter int unsigned Words = 5120,     // of a bank
  localparam int unsigned Queries = Slots / 2,
  localparam int unsigned AddrW = $clog2(Words),
  localparam int unsigned LineW = 4 * 16 * Queries * 8,
  localparam int unsigned SumsW = rce_pkg::Groups * Queries * rce_pkg::QuerySumW
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        split_i,        // 64 dimensions, else 128
  input  logic                        four_banks_i,   // of queries: see kv_pkg::query_entry
  // Angles, before the heads that need them; head_angles says how.
  input  logic                        angle_start_i,
  input  logic                        angle_beat_i,
  input  logic [511:0]                word_i,         // [segment]
  // Heads.
  input  logic                        job_valid_i,
  output logic                        job_ready_o,
  input  head_pkg::job_t              job_i,
  input  logic [AddrW-1:0]            job_raddr_i,    // row 0 of the first tile
  output logic                        read_o,         // of all banks
  output logic [AddrW-1:0]            raddr_o,
  input  logic [32*Lanes-1:0]         held_i,         // HeldDelay later
  // Operands of the engine.
  output logic [1:0]                  feed_we_o,
  output logic [4:0]                  feed_entry_o,
  output logic [LineW-1:0]            line_o,
  output logic [SumsW-1:0]            query_sum_o,
  // What scores of a query are multiplied by.
  output logic                        table_we_o,
  output logic [kv_pkg::BankW-1:0]    table_bank_o,
  output logic [head_pkg::QueryW-1:0] table_query_o,
  output kv_pkg::factors_t            table_factors_o,
  output logic                        fold_done_o,    // all of a fold and rotation is written
  // Keys and values.
  output logic                        group_valid_o,
  input  logic                        group_ready_i,
  output logic [127:0]                codes_o,
  output logic [7:0]                  group_o,
  output logic [15:0]                 scale_o,
  output logic                        last_o,
  output logic                        idle_o          // nothing is under way
);
  if (Slots < 2 || Slots > accllm_pkg::MaxSlots || 2 ** $clog2(Slots) != Slots) begin : gen_slots
    $error("Slots must be a power of two, 2 to MaxSlots");
  end
  if (HeadQueries % Queries != 0 || HeadQueries > 4 * Queries || HeadQueries > 16) begin : gen_heads
    $error("HeadQueries must be up to four folds of Queries, 16 at most");
  end

  // Groups that KV4 has or will have. Its buffer holds 64 of them and begins a vector below 55.
  localparam int unsigned MostGroups = 48;
  logic [5:0] groups_q, heads_q;
  logic       start, starts_kv, has_room, reader_ready, takes_group, ends_kv, query_done;
  assign starts_kv   = job_i.kind != head_pkg::KindQuery;
  assign has_room    = groups_q < 6'(MostGroups);
  assign job_ready_o = reader_ready && (has_room || !starts_kv);
  assign start       = job_valid_i && job_ready_o;
  assign takes_group = group_valid_o && group_ready_i;
  assign ends_kv     = takes_group && last_o;
  assign idle_o      = heads_q == '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      groups_q <= '0;
      heads_q  <= '0;
    end else begin
      groups_q <= groups_q + (start && starts_kv ? (split_i ? 6'd2 : 6'd4) : 6'd0)
                  - 6'(takes_group);
      heads_q  <= heads_q + 6'(start) - 6'(ends_kv) - 6'(query_done);
    end
  end

  // Out of the banks. A job's beats follow it.
  logic           valid, last, unused_ready;
  logic [4:0]     group;
  logic [127:0]   own, partner;
  head_pkg::job_t job;
  head_reader #(.Lanes(Lanes), .Slots(Slots), .Words(Words)) u_reader (
    .clk_i, .rst_ni, .split_i, .start_i(start), .ready_o(reader_ready), .lane_i(job_i.lane),
    .raddr_i(job_raddr_i), .read_o, .raddr_o, .held_i, .valid_o(valid), .last_o(last),
    .group_o(group), .own_o(own), .partner_o(partner)
  );
  logic       unused_valid;
  logic [2:0] unused_count;
  fifo_sync #(.Width(head_pkg::JobW), .Depth(4)) u_jobs (
    .clk_i, .rst_ni, .valid_i(start), .ready_o(unused_ready), .data_i(job_i),
    .valid_o(unused_valid), .ready_i(last), .data_o(job), .count_o(unused_count)
  );

  // Rotated and transformed.
  localparam int unsigned ReadStages = 2;
  logic         valid_rotated, valid_done;
  logic [127:0] cosine, sine, rotated, transformed;
  head_angles #(.Slots(Slots)) u_angles (
    .clk_i, .rst_ni, .split_i, .start_i(angle_start_i), .beat_i(angle_beat_i), .word_i,
    .token_i(job.token), .is_far_i(job.is_far), .group_i(group), .cosine_o(cosine), .sine_o(sine)
  );
  rope u_rope (
    .clk_i, .own_i(own), .partner_i(partner), .cosine_i(cosine), .sine_i(sine),
    .rotated_o(rotated)
  );
  delay_line #(.Width(1), .Stages(ReadStages + head_pkg::RopeStages)) u_rotated (
    .clk_i, .clear_i(!rst_ni), .data_i(valid), .data_o(valid_rotated)
  );
  hadamard u_hadamard (
    .clk_i, .rst_ni, .split_i, .valid_i(valid_rotated), .beat_i(rotated), .valid_o(valid_done),
    .beat_o(transformed)
  );

  // Values wait as long, so that nothing overtakes them or is overtaken.
  logic [127:0] value64, value128, value;
  delay_ring #(
    .Width(128), .Delay(head_pkg::RopeStages + head_pkg::Transform64Stages), .Style("block")
  ) u_value64 (
    .clk_i, .en_i(1'b1), .data_i(own), .data_o(value64)
  );
  delay_ring #(
    .Width(128), .Delay(head_pkg::Transform128Stages), .Style("block")
  ) u_value128 (
    .clk_i, .en_i(1'b1), .data_i(value64), .data_o(value128)
  );
  assign value = split_i ? value64 : value128;

  logic unused_lane;
  assign unused_lane = ^job.lane;

  // What they are.
  localparam int unsigned TagW = 2 + head_pkg::QueryInfoW;
  logic [TagW-1:0]  tag;
  logic [1:0]       kind;
  head_pkg::query_t query;
  logic [4:0]       beat_q;
  logic             is_query, is_last, unused_tag_ready, unused_tag_valid;
  logic [3:0]       unused_tags;
  fifo_sync #(.Width(TagW), .Depth(8)) u_tags (
    .clk_i, .rst_ni, .valid_i(last), .ready_o(unused_tag_ready),
    .data_i({job.kind, job.query, job.is_far, job.ends_fold, job.bank}),
    .valid_o(unused_tag_valid), .ready_i(valid_done && is_last), .data_o(tag),
    .count_o(unused_tags)
  );
  assign {kind, query} = tag;
  assign is_query = kind == head_pkg::KindQuery;
  assign is_last  = split_i ? beat_q[3:0] == '1 : beat_q == '1;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) beat_q <= '0;
    else if (valid_done) beat_q <= is_last ? '0 : beat_q + 1'b1;
  end

  // Keys and values.
  logic kv4_valid, kv4_ready;
  assign kv4_valid = valid_done && !is_query;
  kv4_quantize u_kv4 (
    .clk_i, .rst_ni, .valid_i(kv4_valid), .ready_o(kv4_ready),
    .beat_i(kind == head_pkg::KindValue ? value : transformed), .last_i(is_last),
    .valid_o(group_valid_o), .ready_i(group_ready_i), .codes_o, .group_o, .scale_o, .last_o
  );
`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni && kv4_valid) assert (kv4_ready);
  end
`endif

  // Queries.
  logic             query_last, has_scale, codes_start, codes_valid, unused_query_ready;
  logic             unused_query_valid;
  logic [2:0]       unused_queries;
  logic [31:0]      scale, codes;
  head_pkg::query_t scaled_query, scaled_query_q, codes_query_q;
  assign query_last = valid_done && is_query && is_last;
  query_quantize u_quantize (
    .clk_i, .rst_ni, .split_i, .valid_i(valid_done && is_query), .beat_i(transformed),
    .last_i(is_last), .scale_valid_o(has_scale), .scale_o(scale), .start_o(codes_start),
    .valid_o(codes_valid), .codes_o(codes)
  );
  fifo_sync #(.Width(head_pkg::QueryInfoW), .Depth(4)) u_queries (
    .clk_i, .rst_ni, .valid_i(query_last), .ready_o(unused_query_ready), .data_i(query),
    .valid_o(unused_query_valid), .ready_i(has_scale), .data_o(scaled_query),
    .count_o(unused_queries)
  );
  // Codes come after the scale; the next one may come before the last of them.
  always_ff @(posedge clk_i) begin
    if (has_scale) scaled_query_q <= scaled_query;
    if (codes_start) codes_query_q <= scaled_query_q;
  end
  query_factors #(.Queries(Queries)) u_factors (
    .clk_i, .rst_ni, .split_i, .valid_i(has_scale), .query_i(scaled_query), .scale_i(scale),
    .we_o(table_we_o), .bank_o(table_bank_o), .query_o(table_query_o),
    .factors_o(table_factors_o)
  );
  query_lines #(.Queries(Queries)) u_lines (
    .clk_i, .rst_ni, .split_i, .four_banks_i, .valid_i(codes_valid), .codes_i(codes),
    .query_i(codes_query_q),
    .we_o(feed_we_o), .entry_o(feed_entry_o), .line_o, .query_sum_o, .query_done_o(query_done),
    .fold_done_o
  );
endmodule
